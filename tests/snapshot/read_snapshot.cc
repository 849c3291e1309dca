// Reads what a source has stored of one collection, and what its queue holds from there on, for
// tests/e2e/test_snapshot.py.
//
// Writes to --out, one after the other: the record's length (4 bytes, little-endian) and the record
// (msg.InsertRequest or msg.DeleteRequest). Prints one line of JSON:
//   {"rows": …, "revision": …, "channels": [{"vchannel": …, "cut": …, "stored": …, "queued": …}]}
// where `stored` and `queued` are the numbers of records, in the order of the file. Fails unless
// DecodeMessage accepts every record.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/status.h"
#include "decode/decode.h"
#include "program.h"
#include "source/rocksmq/rocksmq_log.h"
#include "source/snapshot/snapshot_plan.h"
#include "source/snapshot/snapshot_reader.h"
#include "source/storage/storage.h"
#include "stored.h"

namespace cdc {
namespace {

const std::stop_token kNoStop;

struct Job {
  StoredOptions source;
  std::string rocksmq;
  uint64_t until = 0;
  std::string out;
  RecordLimits limits;
};

class RecordFile {
 public:
  explicit RecordFile(const std::string& path) : file_(path, std::ios::binary) {}

  Status Add(const Payload& payload) {
    const auto size = static_cast<uint32_t>(payload.bytes.size());
    file_.write(reinterpret_cast<const char*>(&size), sizeof(size));
    file_.write(payload.bytes.data(), static_cast<std::streamsize>(size));
    return file_.good() ? OkStatus() : UnavailableError("cannot write the records");
  }

 private:
  std::ofstream file_;
};

Result<int64_t> ReadStored(
    Storage* storage, const SnapshotPlan& plan, size_t channel, const Job& job, RecordFile* out) {
  DeletedKeysCache deletes(storage, plan.collection);
  int64_t records = 0;
  for (const ChannelPart& part : PartsOf(plan.channels[channel])) {
    SnapshotReader reader(storage, &plan, &plan.channels[channel], part, &deletes, job.limits);
    while (true) {
      CDC_ASSIGN_OR_RETURN(const std::optional<SnapshotRecord> record, reader.Next(kNoStop));
      if (!record.has_value()) {
        break;
      }
      CDC_ASSIGN_OR_RETURN(const MessagePtr message, DecodeMessage({}, record->payload));
      if (message->type != MessageType::kInsert || message->rows != record->rows ||
          message->vchannel != plan.channels[channel].vchannel) {
        return InternalError("the record is not what it should be");
      }
      CDC_RETURN_IF_ERROR(out->Add(record->payload));
      ++records;
    }
  }
  return records;
}

// The rows and deletes of the channel from its takeover on, up to the first tick at or above
// `until`.
Result<int64_t> ReadQueued(Log* log,
                           const std::string& pchannel,
                           const ChannelSnapshot& channel,
                           uint64_t until,
                           RecordFile* out) {
  constexpr size_t kBytes = 16U << 20;
  constexpr std::chrono::milliseconds kWait{200};
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<LogReader> reader, log->NewReader());
  CDC_RETURN_IF_ERROR(reader->Add(pchannel, LogPosition{.id = channel.takeover.position}));
  int64_t records = 0;
  while (true) {
    std::vector<LogBatch> batches;
    CDC_RETURN_IF_ERROR(reader->Poll(kBytes, kWait, kNoStop, &batches));
    for (const LogBatch& batch : batches) {
      CDC_RETURN_IF_ERROR(batch.status);
      for (const LogRecord& record : batch.records) {
        CDC_ASSIGN_OR_RETURN(const MessagePtr message, DecodeMessage(record.id, record.payload));
        if (message->type == MessageType::kTick && message->ts.value >= until) {
          return records;
        }
        if ((message->type == MessageType::kInsert || message->type == MessageType::kDelete) &&
            message->vchannel == channel.vchannel) {
          CDC_RETURN_IF_ERROR(out->Add(record.payload));
          ++records;
        }
      }
    }
  }
}

Status Run(const Job& job) {
  CDC_ASSIGN_OR_RETURN(const Stored source, OpenStored(job.source));
  const SnapshotPlan& plan = source.plan;
  std::unique_ptr<Log> log;
  if (!job.rocksmq.empty()) {
    CDC_ASSIGN_OR_RETURN(log, OpenRocksmqLog({.path = job.rocksmq}));
  }
  RecordFile out(job.out);
  nlohmann::json channels = nlohmann::json::array();
  for (size_t i = 0; i < plan.channels.size(); ++i) {
    const ChannelSnapshot& channel = plan.channels[i];
    CDC_ASSIGN_OR_RETURN(const int64_t stored,
                         ReadStored(source.storage.get(), plan, i, job, &out));
    int64_t queued = 0;
    if (log != nullptr) {
      CDC_ASSIGN_OR_RETURN(
          queued, ReadQueued(log.get(), source.collection->pchannels[i], channel, job.until, &out));
    }
    channels.push_back({{"vchannel", channel.vchannel},
                        {"cut", channel.takeover.time.value},
                        {"segments", channel.segments.size()},
                        {"stored", stored},
                        {"queued", queued}});
  }
  const nlohmann::json summary = {
      {"rows", plan.rows}, {"revision", plan.revision}, {"channels", channels}};
  std::printf("%s\n", summary.dump().c_str());
  return OkStatus();
}

int Main(int argc, char** argv) {
  Job job;
  CLI::App app("Reads what a source has stored of a collection, and what its queue holds after it");
  job.source.AddTo(&app);
  app.add_option("--rocksmq", job.rocksmq, "Milvus' rocksmq.path; without, the queue is not read");
  app.add_option("--until", job.until, "read the queue up to a tick at or above it");
  app.add_option("--out", job.out, "the file of the records")->required();
  app.add_option("--record-rows", job.limits.rows);
  app.add_option("--record-bytes", job.limits.bytes);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("read_snapshot"));
  return RunProgram("read_snapshot", &app, argc, argv, [&job] {
    Status status = Run(job);
    const Status ended = EndStorage();
    return status.ok() ? ended : status;
  });
}

}  // namespace
}  // namespace cdc

int main(int argc, char** argv) { return cdc::Main(argc, argv); }
