// How fast one core carries rows from the queue's bytes to the request's bytes, beside a memcpy of
// the same bytes. Arguments: floats a row, rows a message.
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "data_path.h"
#include "decode/decode.h"
#include "msg.pb.h"
#include "rows.h"

namespace cdc {
namespace {

// More than the processor's caches hold, so that nothing is faster here than in a process that
// reads records from a queue.
constexpr size_t kChannelBytes = 64 << 20;
// What a busy channel gathers between two ticks, which come five times a second.
constexpr size_t kTickBytes = 8 << 20;

uint64_t TimeOf(int64_t number) { return 470642937143492608U + static_cast<uint64_t>(number); }

MsgId IdOf(uint64_t number) {
  MsgId id;
  id.bytes.assign(reinterpret_cast<const char*>(&number), sizeof(number));
  return id;
}

// Records of a channel in order: inserts, and a tick behind every kTickBytes.
struct Channel {
  std::vector<Payload> records;
  size_t bytes = 0;
  int64_t rows = 0;
};

Channel MakeChannel(int dim, int rows) {
  Channel channel;
  size_t since_tick = 0;
  while (channel.bytes < kChannelBytes) {
    const auto time = static_cast<int64_t>(channel.records.size()) + 1;
    std::string record = InsertRecord(channel.rows, rows, dim, TimeOf(time));
    channel.bytes += record.size();
    since_tick += record.size();
    channel.rows += rows;
    channel.records.push_back(Payload::Own(std::move(record)));
    if (since_tick >= kTickBytes || channel.bytes >= kChannelBytes) {
      channel.records.push_back(Payload::Own(TickRecord(TimeOf(time))));
      since_tick = 0;
    }
  }
  return channel;
}

// Benchmarks of the same arguments run one after another and share their channel.
const Channel& ChannelFor(const benchmark::State& state) {
  static std::pair<int64_t, int64_t> made_for;
  static Channel channel;
  const std::pair<int64_t, int64_t> wanted(state.range(0), state.range(1));
  if (made_for != wanted) {
    channel = {};
    channel = MakeChannel(static_cast<int>(wanted.first), static_cast<int>(wanted.second));
    made_for = wanted;
  }
  return channel;
}

void Count(benchmark::State& state, const Channel& channel) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(channel.bytes));
  state.SetItemsProcessed(state.iterations() * channel.rows);
}

void BM_Path(benchmark::State& state) {
  const Channel& channel = ChannelFor(state);
  for (auto _ : state) {
    DataPath path;
    uint64_t number = 0;
    for (const Payload& record : channel.records) {
      const Status status = path.Push(IdOf(++number), record);
      if (!status.ok()) {
        state.SkipWithError(status.ToString().c_str());
        return;
      }
    }
    if (path.rows() != static_cast<size_t>(channel.rows)) {
      state.SkipWithError("rows were lost");
      return;
    }
  }
  Count(state, channel);
}

void BM_Memcpy(benchmark::State& state) {
  const Channel& channel = ChannelFor(state);
  std::string copy(channel.bytes + (1 << 20), '\0');
  for (auto _ : state) {
    size_t at = 0;
    for (const Payload& record : channel.records) {
      std::memcpy(copy.data() + at, record.bytes.data(), record.bytes.size());
      at += record.bytes.size();
    }
    benchmark::ClobberMemory();
  }
  Count(state, channel);
}

// The first stage alone.
void BM_Decode(benchmark::State& state) {
  const Channel& channel = ChannelFor(state);
  for (auto _ : state) {
    uint64_t number = 0;
    for (const Payload& record : channel.records) {
      auto message = DecodeMessage(IdOf(++number), record);
      benchmark::DoNotOptimize(message);
    }
  }
  Count(state, channel);
}

// The same by libprotobuf, for comparison.
void BM_ParseWithProtobuf(benchmark::State& state) {
  const Channel& channel = ChannelFor(state);
  for (auto _ : state) {
    for (const Payload& record : channel.records) {
      milvus::proto::msg::InsertRequest insert;
      const auto size = static_cast<int>(record.bytes.size());
      benchmark::DoNotOptimize(insert.ParseFromArray(record.bytes.data(), size));
    }
  }
  Count(state, channel);
}

struct Measure {
  const char* name;
  void (*run)(benchmark::State& state);
};
constexpr Measure kMeasures[] = {{"path", BM_Path},
                                 {"memcpy", BM_Memcpy},
                                 {"decode", BM_Decode},
                                 {"protobuf", BM_ParseWithProtobuf}};

// All measures of one kind of channel follow each other.
void RegisterAll() {
  for (const int dim : {128, 768}) {
    for (const int rows : {1, 100, 5000}) {
      for (const Measure& measure : kMeasures) {
        benchmark::RegisterBenchmark(measure.name, measure.run)
            ->Args({dim, rows})
            ->ArgNames({"dim", "rows"})
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace
}  // namespace cdc

int main(int argc, char** argv) {
  cdc::RegisterAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
