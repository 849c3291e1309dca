// How fast one core writes rows of the queue as row events, beside a memcpy of the same events and
// nlohmann's JSON writer with values that are in its objects already. Argument: floats a row.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "decode/decode.h"
#include "events/row_event_encoder.h"
#include "model/message.h"
#include "rows.h"

namespace cdc {
namespace {

// More than the processor's caches hold.
constexpr size_t kRecordBytes = 32 << 20;
constexpr int kRowsOfMessage = 100;

std::vector<MessagePtr> MakeMessages(int dim) {
  std::vector<MessagePtr> messages;
  size_t bytes = 0;
  for (int64_t row = 0; bytes < kRecordBytes; row += kRowsOfMessage) {
    std::string record = InsertRecord(row, kRowsOfMessage, dim, 470642937143492608U);
    bytes += record.size();
    auto message = DecodeMessage({}, Payload::Own(std::move(record)));
    CDC_CHECK(message.ok());
    messages.push_back(*std::move(message));
  }
  return messages;
}

Schema RowSchema() {
  Field key;
  key.id = {kKeyField};
  key.name = "id";
  key.type = DataType::kInt64;
  key.is_primary_key = true;
  Field vector;
  vector.id = {kVectorField};
  vector.name = "vector";
  vector.type = DataType::kFloatVector;
  Schema schema;
  schema.fields = {key, vector};
  return schema;
}

RowEventEncoder Encoder(VectorFormat vectors) {
  auto encoder = RowEventEncoder::New({"default", "rows"}, RowSchema(),
                                      {.name = "milvus", .version = "1.0.0", .vectors = vectors});
  CDC_CHECK(encoder.ok());
  return *std::move(encoder);
}

// Writes all rows, one event after the other into the same buffers, as a producer takes them.
template <class Take>
void WriteAll(const std::vector<MessagePtr>& messages, RowEventEncoder* encoder, Take take) {
  JsonBuffer key;
  JsonBuffer value;
  for (const MessagePtr& message : messages) {
    CDC_CHECK(encoder->Begin(*message, "_default", {1'700'000'000'000'000'000}).ok());
    for (uint32_t row = 0; row < message->rows; ++row) {
      key.Clear();
      value.Clear();
      CDC_CHECK(encoder->NextRow().ok());
      encoder->AppendKey(&key);
      CDC_CHECK(encoder->AppendValue(RowChange::kInsert, &value).ok());
      take(key.text(), value.text());
    }
  }
}

void Count(benchmark::State& state, size_t bytes, size_t rows) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(rows));
}

void RunEvents(benchmark::State& state, VectorFormat vectors) {
  const std::vector<MessagePtr> messages = MakeMessages(static_cast<int>(state.range(0)));
  RowEventEncoder encoder = Encoder(vectors);
  size_t bytes = 0;
  size_t rows = 0;
  for (auto _ : state) {
    bytes = 0;
    rows = 0;
    WriteAll(messages, &encoder, [&](std::string_view key, std::string_view value) {
      bytes += key.size() + value.size();
      ++rows;
    });
  }
  Count(state, bytes, rows);
}

void BM_Events(benchmark::State& state) { RunEvents(state, VectorFormat::kArray); }
void BM_EventsInBase64(benchmark::State& state) { RunEvents(state, VectorFormat::kBase64); }

void BM_Memcpy(benchmark::State& state) {
  RowEventEncoder encoder = Encoder(VectorFormat::kArray);
  std::vector<std::string> events;
  size_t bytes = 0;
  WriteAll(MakeMessages(static_cast<int>(state.range(0))), &encoder,
           [&](std::string_view key, std::string_view value) {
             events.push_back(std::string(key) + std::string(value));
             bytes += events.back().size();
           });
  std::string to(bytes, '\0');
  for (auto _ : state) {
    char* at = to.data();
    for (const std::string& event : events) {
      std::memcpy(at, event.data(), event.size());
      at += event.size();
    }
    benchmark::DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
  Count(state, bytes, events.size());
}

void BM_Nlohmann(benchmark::State& state) {
  RowEventEncoder encoder = Encoder(VectorFormat::kArray);
  std::vector<nlohmann::json> events;
  WriteAll(MakeMessages(static_cast<int>(state.range(0))), &encoder,
           [&](std::string_view, std::string_view value) {
             if (events.size() < 1000) {
               events.push_back(nlohmann::json::parse(value));
               for (nlohmann::json& number : events.back()["after"]["vector"]) {
                 number = number.get<float>();
               }
             }
           });
  size_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    for (const nlohmann::json& event : events) {
      bytes += event.dump().size();
    }
  }
  Count(state, bytes, events.size());
}

void Dims(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(128)->Arg(768)->ArgName("dim")->Unit(benchmark::kMillisecond);
}
BENCHMARK(BM_Events)->Apply(Dims);
BENCHMARK(BM_EventsInBase64)->Apply(Dims);
BENCHMARK(BM_Memcpy)->Apply(Dims);
BENCHMARK(BM_Nlohmann)->Apply(Dims);

}  // namespace
}  // namespace cdc

BENCHMARK_MAIN();
