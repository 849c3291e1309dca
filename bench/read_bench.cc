// How fast one core reads what a source has stored of a collection: the reader of copies, which
// makes inserts of the rows, in turns with a bare scan of the same Parquet files into Arrow tables.
// Prints one line of JSON: {"rows": …, "scan_s": […], "read_s": […]}, seconds of CPU time of one
// thread.
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <arrow/array.h>
#include <arrow/io/file.h>
#include <arrow/io/memory.h>
#include <arrow/memory_pool.h>
#include <arrow/table.h>
#include <nlohmann/json.hpp>
#include <parquet/arrow/reader.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/status.h"
#include "program.h"
#include "source/snapshot/deleted_keys_cache.h"
#include "source/snapshot/log_file.h"
#include "source/snapshot/snapshot_reader.h"
#include "stored.h"

namespace cdc {
namespace {

const std::stop_token kNoStop;

struct Job {
  StoredOptions source;
  int repetitions = 3;
};

double ThreadSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

Status FromArrow(const arrow::Status& status) {
  return status.ok() ? OkStatus() : InternalError(status.ToString());
}

// Reads one Parquet file as a program that uses nothing but Arrow would.
arrow::Result<int64_t> ScanPayload(const std::shared_ptr<arrow::Buffer>& bytes) {
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        parquet::arrow::OpenFile(std::make_shared<arrow::io::BufferReader>(bytes),
                                                 arrow::default_memory_pool()));
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<arrow::Table> table, reader->ReadTable());
  return table->num_rows();
}

arrow::Result<int64_t> ScanFile(const std::string& path, const std::vector<ByteRange>& payloads) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path));
  int64_t rows = 0;
  for (const ByteRange& payload : payloads) {
    ARROW_ASSIGN_OR_RAISE(auto bytes, file->ReadAt(payload.offset, payload.size));
    ARROW_ASSIGN_OR_RAISE(const int64_t some, ScanPayload(bytes));
    rows += some;
  }
  return rows;
}

// The rows of all files of one field.
Result<int64_t> Scan(const Job& job, const Stored& stored) {
  int64_t rows = 0;
  for (const ChannelSnapshot& channel : stored.plan.channels) {
    for (const Segment& segment : channel.segments) {
      for (const auto& [field, files] : segment.insert_logs) {
        for (const LogFile& log : files) {
          const std::string path = InsertLogPath(stored.plan.collection, segment, field, log.id);
          CDC_ASSIGN_OR_RETURN(const std::unique_ptr<StorageFile> file, stored.storage->Open(path));
          CDC_ASSIGN_OR_RETURN(const LogFileHeader header,
                               ReadLogFileHeader(*file, LogKind::kInsert));
          const auto scanned = ScanFile(job.source.folder + "/" + path, header.payloads);
          CDC_RETURN_IF_ERROR(FromArrow(scanned.status()));
          rows += field == kTimestampField ? *scanned : 0;
        }
      }
    }
  }
  return rows;
}

Result<int64_t> Read(const Stored& stored) {
  DeletedKeysCache deletes(stored.storage.get(), stored.plan.collection);
  int64_t rows = 0;
  for (const ChannelSnapshot& channel : stored.plan.channels) {
    for (const ChannelPart& part : PartsOf(channel)) {
      SnapshotReader reader(stored.storage.get(), &stored.plan, &channel, part, &deletes);
      while (true) {
        CDC_ASSIGN_OR_RETURN(const std::optional<SnapshotRecord> record, reader.Next(kNoStop));
        if (!record.has_value()) {
          break;
        }
        rows += record->rows;
      }
    }
  }
  return rows;
}

Status Run(const Job& job) {
  CDC_ASSIGN_OR_RETURN(const Stored stored, OpenStored(job.source));
  if (stored.storage == nullptr) {
    return NotFoundError("nothing is stored of the collection");
  }
  nlohmann::json scan = nlohmann::json::array();
  nlohmann::json read = nlohmann::json::array();
  CDC_RETURN_IF_ERROR(Scan(job, stored).status());  // the first one fills the system's cache
  int64_t rows = 0;
  for (int i = 0; i < job.repetitions; ++i) {
    const double start = ThreadSeconds();
    CDC_ASSIGN_OR_RETURN(const int64_t scanned, Scan(job, stored));
    const double middle = ThreadSeconds();
    CDC_ASSIGN_OR_RETURN(rows, Read(stored));
    const double end = ThreadSeconds();
    if (rows != scanned) {
      return InternalError("the reader has other rows: " + std::to_string(rows) + " of " +
                           std::to_string(scanned));
    }
    scan.push_back(middle - start);
    read.push_back(end - middle);
  }
  const nlohmann::json summary = {{"rows", rows}, {"scan_s", scan}, {"read_s", read}};
  std::printf("%s\n", summary.dump().c_str());
  return OkStatus();
}

int Main(int argc, char** argv) {
  Job job;
  CLI::App app("Reads what a source has stored of a collection, beside a bare scan of its files");
  job.source.AddTo(&app);
  app.add_option("--repetitions", job.repetitions);
  spdlog::set_default_logger(spdlog::stderr_logger_mt("read_bench"));
  return RunProgram("read_bench", &app, argc, argv, [&job] { return Run(job); });
}

}  // namespace
}  // namespace cdc

int main(int argc, char** argv) { return cdc::Main(argc, argv); }
