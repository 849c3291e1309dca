#include "source/snapshot/deleted_keys.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "model/schema.h"
#include "source/snapshot/column_chunk.h"
#include "source/snapshot/log_file.h"
#include "source/snapshot/parquet_column.h"

namespace cdc {
namespace {

constexpr size_t kEntriesAtATime = 4096;

void KeepLatest(Timestamp time, Timestamp* kept) { *kept = std::max(*kept, time); }

Status NoEntry(std::string_view entry) {
  constexpr size_t kShownBytes = 80;
  return DataLossError("not an entry of a delete log: " +
                       std::string(entry.substr(0, kShownBytes)));
}

// One text per delete.
Status ReadTexts(const std::shared_ptr<StorageFile>& file,
                 const LogFileHeader& header,
                 std::optional<int64_t> rows,
                 Timestamp cut,
                 DeletedKeys* keys) {
  const Field field{.name = "deletes", .type = DataType::kString};
  if (header.type != field.type) {
    return DataLossError("the file holds no texts: " + DataTypeName(header.type));
  }
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<ParquetColumn> column,
                       OpenParquetColumn(file, header.payloads, field, rows));
  ColumnChunk chunk;
  for (auto left = static_cast<size_t>(column->rows()); left > 0;) {
    const size_t count = std::min(left, kEntriesAtATime);
    chunk.Clear();
    CDC_RETURN_IF_ERROR(column->Read(count, &chunk));
    for (size_t i = 0; i < count; ++i) {
      CDC_RETURN_IF_ERROR(AddDeleteEntry(chunk.BytesAt(i), cut, keys));
    }
    left -= count;
  }
  return column->Finish();
}

// A column of keys and one of times.
Status ReadColumns(const std::shared_ptr<StorageFile>& file,
                   const LogFileHeader& header,
                   std::optional<int64_t> rows,
                   Timestamp cut,
                   DeletedKeys* keys) {
  CDC_ASSIGN_OR_RETURN(const bool texts, BeginsWithTexts(file, header.payloads.front()));
  const Field key{.name = "pk", .type = texts ? DataType::kVarChar : DataType::kInt64};
  const Field time{.name = "ts", .type = DataType::kInt64};
  CDC_ASSIGN_OR_RETURN(
      const std::unique_ptr<ParquetColumn> key_column,
      OpenParquetColumn(file, header.payloads, key, rows, {.index = 0, .columns = 2}));
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<ParquetColumn> time_column,
                       OpenParquetColumn(file, header.payloads, time, key_column->rows(),
                                         {.index = 1, .columns = 2}));
  ColumnChunk found;
  ColumnChunk times;
  for (auto left = static_cast<size_t>(key_column->rows()); left > 0;) {
    const size_t count = std::min(left, kEntriesAtATime);
    found.Clear();
    times.Clear();
    CDC_RETURN_IF_ERROR(key_column->Read(count, &found));
    CDC_RETURN_IF_ERROR(time_column->Read(count, &times));
    for (size_t i = 0; i < count; ++i) {
      const Timestamp deleted{static_cast<uint64_t>(times.ints[i])};
      if (deleted > cut) {
        continue;
      }
      if (texts) {
        keys->Add(found.BytesAt(i), deleted);
      } else {
        keys->Add(found.ints[i], deleted);
      }
    }
    left -= count;
  }
  CDC_RETURN_IF_ERROR(key_column->Finish());
  return time_column->Finish();
}

Status ReadEntries(const std::shared_ptr<StorageFile>& file,
                   CollectionId collection,
                   PartitionId partition,
                   std::optional<int64_t> rows,
                   Timestamp cut,
                   DeletedKeys* keys) {
  CDC_ASSIGN_OR_RETURN(const LogFileHeader header, ReadLogFileHeader(*file, LogKind::kDelete));
  // Its segment may be an older one: Milvus 2.3 copies files to the output of a compaction.
  if (header.collection != collection || header.partition != partition) {
    return DataLossError("the file belongs to another partition: " +
                         std::to_string(header.partition.value));
  }
  return header.two_columns ? ReadColumns(file, header, rows, cut, keys)
                            : ReadTexts(file, header, rows, cut, keys);
}

// The segment's files, each with its number of entries if the list knows it.
Result<std::map<int64_t, std::optional<int64_t>>> FindFiles(Storage& storage,
                                                            const Segment& segment,
                                                            const std::string& folder) {
  std::map<int64_t, std::optional<int64_t>> files;
  CDC_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage.List(folder));
  for (const std::string& name : names) {
    int64_t id = 0;
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data(), end, id);
    // Anything else is not a file of Milvus.
    if (error == std::errc() && rest == end) {
      files[id] = std::nullopt;
    }
  }
  for (const LogFile& file : segment.delete_logs) {
    files[file.id] = file.rows;
  }
  return files;
}

bool IsDamage(const Status& status) {
  return status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kFailedPrecondition;
}

}  // namespace

void DeletedKeys::Add(int64_t key, Timestamp time) { KeepLatest(time, &numbers_[key]); }

void DeletedKeys::Add(std::string_view key, Timestamp time) {
  const auto found = texts_.find(key);
  KeepLatest(time, found != texts_.end() ? &found->second : &texts_[std::string(key)]);
}

bool DeletedKeys::Covers(int64_t key, Timestamp row) const {
  const auto found = numbers_.find(key);
  return found != numbers_.end() && row < found->second;
}

bool DeletedKeys::Covers(std::string_view key, Timestamp row) const {
  const auto found = texts_.find(key);
  return found != texts_.end() && row < found->second;
}

Status AddDeleteEntry(std::string_view entry, Timestamp cut, DeletedKeys* keys) {
  const nlohmann::json json = nlohmann::json::parse(entry, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return NoEntry(entry);
  }
  const auto key = json.find("pk");
  const auto time = json.find("ts");
  const auto type = json.find("pkType");
  if (key == json.end() || time == json.end() || !time->is_number_unsigned() ||
      type == json.end() || !type->is_number_integer()) {
    return NoEntry(entry);
  }
  const bool is_number = *type == static_cast<int>(DataType::kInt64);
  const bool is_text = *type == static_cast<int>(DataType::kVarChar);
  // A number beyond 64 bits would have become a floating point number.
  if (!(is_number && key->is_number_integer()) && !(is_text && key->is_string())) {
    return NoEntry(entry);
  }
  const Timestamp deleted{time->get<uint64_t>()};
  if (deleted > cut) {
    return OkStatus();
  }
  if (is_number) {
    keys->Add(key->get<int64_t>(), deleted);
  } else {
    keys->Add(key->get_ref<const std::string&>(), deleted);
  }
  return OkStatus();
}

Status ReadDeleteLogs(Storage& storage,
                      CollectionId collection,
                      const Segment& segment,
                      Timestamp cut,
                      const std::stop_token& stop,
                      DeletedKeys* keys) {
  const std::unique_ptr<Storage> until_stop = storage.Until(stop);
  const std::string folder = DeleteLogFolder(collection, segment);
  using Files = std::map<int64_t, std::optional<int64_t>>;
  CDC_ASSIGN_OR_RETURN(const Files files, FindFiles(*until_stop, segment, folder));
  for (const auto& [id, rows] : files) {
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    const std::string path = folder + "/" + std::to_string(id);
    CDC_ASSIGN_OR_RETURN(std::unique_ptr<StorageFile> file, until_stop->Open(path));
    const Status read = ReadEntries(std::move(file), collection, segment.partition, rows, cut, keys)
                            .WithContext(path);
    if (!rows.has_value() && IsDamage(read)) {
      return UnavailableError(read.message() + " (not in etcd, perhaps still being written)");
    }
    CDC_RETURN_IF_ERROR(read);
  }
  return OkStatus();
}

}  // namespace cdc
