// Files of segments and the records about them.
//
// Input: the bytes of any of them; every decoder is given all.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <google/protobuf/stubs/logging.h>

#include "fuzz.h"
#include "source/checkpoint/channel_checkpoint.h"
#include "source/snapshot/deleted_keys.h"
#include "source/snapshot/log_file.h"
#include "source/snapshot/parquet_column.h"
#include "source/snapshot/segment_record.h"
#include "source/snapshot/testing/memory_storage.h"

namespace cdc {
namespace {

// A few bytes may stand for any number of equal values.
constexpr int64_t kMaxRows = 10'000;

void CheckError(const Status& status) {
  FUZZ_EXPECT(status.ok() || status.code() == StatusCode::kDataLoss ||
                  status.code() == StatusCode::kFailedPrecondition,
              status.ToString());
  FUZZ_EXPECT(status.message().size() <= fuzz::kMaxErrorBytes, status.message());
}

Status ReadValues(ParquetColumn& column, ColumnChunk* chunk) {
  for (int64_t left = std::min(column.rows(), kMaxRows); left > 0; left -= 100) {
    CDC_RETURN_IF_ERROR(column.Read(static_cast<size_t>(std::min<int64_t>(left, 100)), chunk));
  }
  return column.rows() <= kMaxRows ? column.Finish() : OkStatus();
}

void RunFile(const std::string& bytes, LogKind kind) {
  std::unique_ptr<StorageFile> file = NewMemoryFile(bytes);
  const Result<LogFileHeader> header = ReadLogFileHeader(*file, kind);
  CheckError(header.status());
  if (!header.ok()) {
    return;
  }
  for (const ByteRange& range : header->payloads) {
    FUZZ_EXPECT(range.offset > 0 && range.size > 0 && range.offset + range.size <= file->size(),
                "");
  }
  const Field field{.type = header->type, .type_params = {{.key = "dim", .value = "16"}}};
  const auto column = OpenParquetColumn(std::move(file), header->payloads, field, std::nullopt);
  CheckError(column.status());
  if (!column.ok()) {
    return;
  }
  ColumnChunk chunk;
  const Status read = ReadValues(**column, &chunk);
  CheckError(read);
  if (read.ok()) {
    const auto rows = static_cast<size_t>(std::min((*column)->rows(), kMaxRows));
    FUZZ_EXPECT(
        chunk.ints.size() + chunk.floats.size() + chunk.doubles.size() + chunk.ends.size() == rows,
        "one value a row");
  }
  fuzz::Touch(chunk.bytes);
}

void RunRecords(const std::string& bytes) {
  DeletedKeys keys;
  CheckError(AddDeleteEntry(bytes, Timestamp{~uint64_t{0}}, &keys));
  // The ids that make_corpus gives its records.
  CheckError(DecodeSegment(CollectionId{1}, SegmentId{3}, bytes).status());
  CheckError(DecodeLogFiles(FieldId{100}, bytes).status());
  CheckError(DecodeLogPlace(bytes).status());
  CheckError(DecodePartitionName(PartitionId{2}, bytes).status());
}

}  // namespace
}  // namespace cdc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* const kOldHandler = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(kOldHandler);
  const std::string input(reinterpret_cast<const char*>(data), size);
  cdc::RunFile(input, cdc::LogKind::kInsert);
  cdc::RunFile(input, cdc::LogKind::kDelete);
  cdc::RunRecords(input);
  return 0;
}
