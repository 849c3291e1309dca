#include "source/snapshot/segment_reader.h"

#include <algorithm>
#include <span>
#include <utility>

#include "source/snapshot/field_layout.h"
#include "source/snapshot/log_file.h"

namespace cdc {
namespace {

// Nothing is known about the size of rows at first: begin with few, and take more step by step.
constexpr size_t kFirstRows = 64;
constexpr size_t kGrowth = 4;

Field SystemField(FieldId id, const char* name) {
  return {.id = id, .name = name, .type = DataType::kInt64};
}

}  // namespace

SegmentReader::SegmentReader(Storage* storage,
                             RowPlace place,
                             FileSet set,
                             const std::vector<Field>* columns,
                             RowFilter filter,
                             RecordLimits limits)
    : storage_(storage),
      place_(std::move(place)),
      segment_(*set.segment),
      set_(set.index),
      columns_(columns),
      filter_(filter),
      limits_(limits),
      chunk_rows_(std::min(kFirstRows, limits.rows)) {
  const auto key = std::ranges::find(*columns_, true, &Field::is_primary_key);
  CDC_CHECK(key != columns_->end());
  key_ = static_cast<size_t>(key - columns_->begin());
  chunk_.columns.resize(columns_->size());
}

Result<std::optional<std::string>> SegmentReader::Next(uint32_t* rows) {
  while (delivered_ == chosen_.size()) {
    if (rows_left_ > 0) {
      CDC_RETURN_IF_ERROR(ReadChunk());
    } else if (!opened_) {
      CDC_RETURN_IF_ERROR(OpenSet());
    } else {
      return std::optional<std::string>();
    }
  }
  return std::optional<std::string>(TakeRecord(rows));
}

Status SegmentReader::OpenSet() {
  const int64_t rows = segment_.insert_logs.at(kTimestampField)[set_].rows;
  CDC_RETURN_IF_ERROR(Open(SystemField(kRowIdField, "RowID"), rows, &chunk_.row_ids));
  CDC_RETURN_IF_ERROR(Open(SystemField(kTimestampField, "Timestamp"), rows, &chunk_.times));
  for (size_t i = 0; i < columns_->size(); ++i) {
    CDC_RETURN_IF_ERROR(Open((*columns_)[i], rows, &chunk_.columns[i]));
  }
  rows_left_ = rows;
  opened_ = true;
  return OkStatus();
}

Status SegmentReader::Open(const Field& field, int64_t rows, ColumnChunk* chunk) {
  const auto logs = segment_.insert_logs.find(field.id);
  if (logs == segment_.insert_logs.end()) {
    return FailedPreconditionError("segment " + std::to_string(segment_.id.value) +
                                   " has no files of field " + field.name);
  }
  const std::string path =
      InsertLogPath(place_.collection, segment_, field.id, logs->second[set_].id);
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<StorageFile> file, storage_->Open(path));
  Result<LogFileHeader> header = ReadLogFileHeader(*file, LogKind::kInsert);
  if (!header.ok()) {
    return header.status().WithContext(path);
  }
  if (header->collection != place_.collection || header->partition != segment_.partition ||
      header->segment != segment_.id || header->field != field.id || header->type != field.type) {
    return DataLossError(path + ": the file is of another segment, field or type: segment " +
                         std::to_string(header->segment.value) + ", field " +
                         std::to_string(header->field.value) + ", " + DataTypeName(header->type));
  }
  auto column = OpenParquetColumn(std::move(file), header->payloads, field, rows);
  if (!column.ok()) {
    return column.status().WithContext(path);
  }
  const Result<FieldLayout> layout = LayoutOf(field);
  if (!leading_.has_value() && layout.ok() && layout->stored == StoredAs::kFixedBytes) {
    leading_ = files_.size();
  }
  files_.push_back({.path = path, .column = *std::move(column), .chunk = chunk});
  return OkStatus();
}

Status SegmentReader::ReadChunk() {
  auto rows = static_cast<size_t>(std::min(rows_left_, static_cast<int64_t>(chunk_rows_)));
  chosen_.clear();
  delivered_ = 0;
  for (OpenFile& file : files_) {
    file.chunk->Clear();
  }
  if (leading_.has_value()) {
    const OpenFile& leading = files_[*leading_];
    Result<size_t> read = leading.column->ReadPage(rows, leading.chunk);
    if (!read.ok()) {
      return read.status().WithContext(leading.path);
    }
    rows = *read;
  }
  rows_left_ -= static_cast<int64_t>(rows);
  for (size_t i = 0; i < files_.size(); ++i) {
    if (i != leading_) {
      CDC_RETURN_IF_ERROR(
          files_[i].column->Read(rows, files_[i].chunk).WithContext(files_[i].path));
    }
  }
  if (rows_left_ == 0) {
    CDC_RETURN_IF_ERROR(FinishFiles());
  }
  ChooseRows(rows);
  AdaptChunk(rows);
  return OkStatus();
}

Status SegmentReader::FinishFiles() {
  for (OpenFile& file : files_) {
    file.chunk->KeepLent();
    CDC_RETURN_IF_ERROR(file.column->Finish().WithContext(file.path));
  }
  return OkStatus();
}

void SegmentReader::ChooseRows(size_t rows) {
  const ColumnChunk& keys = chunk_.columns[key_];
  for (size_t row = 0; row < rows; ++row) {
    const Timestamp time{static_cast<uint64_t>(chunk_.times.ints[row])};
    const bool deleted = keys.ends.empty() ? filter_.deleted->Covers(keys.ints[row], time)
                                           : filter_.deleted->Covers(keys.BytesAt(row), time);
    if (time >= filter_.oldest && time <= filter_.cut && !deleted) {
      chosen_.push_back(row);
    }
  }
}

// The next chunk should make one full record.
void SegmentReader::AdaptChunk(size_t rows) {
  size_t bytes = rows * 2 * sizeof(int64_t);  // id and time
  for (const ColumnChunk& column : chunk_.columns) {
    bytes += column.Size(rows);
  }
  const size_t wanted = limits_.bytes / std::max<size_t>(bytes / rows, 1);
  chunk_rows_ = std::clamp<size_t>(wanted, 1, std::min(limits_.rows, chunk_rows_ * kGrowth));
}

size_t SegmentReader::RowBytes(size_t row) const {
  size_t bytes = 2 * sizeof(int64_t);  // id and time
  for (const ColumnChunk& column : chunk_.columns) {
    bytes += column.SizeAt(row);
  }
  return bytes;
}

std::string SegmentReader::TakeRecord(uint32_t* rows) {
  const size_t first = delivered_;
  size_t bytes = 0;
  while (delivered_ < chosen_.size() && delivered_ - first < limits_.rows) {
    bytes += RowBytes(chosen_[delivered_]);
    if (bytes > limits_.bytes && delivered_ > first) {
      break;
    }
    ++delivered_;
  }
  const auto taken = std::span<const size_t>(chosen_).subspan(first, delivered_ - first);
  *rows = static_cast<uint32_t>(taken.size());
  return EncodeInsertRecord(place_, *columns_, chunk_, taken);
}

}  // namespace cdc
