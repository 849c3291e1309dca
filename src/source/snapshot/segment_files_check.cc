#include "source/snapshot/segment_files_check.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cdc {
namespace {

Status Incomplete(const Segment& segment, const std::string& what) {
  return UnavailableError("segment " + std::to_string(segment.id.value) +
                          " is recorded incompletely: " + what);
}

std::string FieldName(FieldId id) { return "field " + std::to_string(id.value); }

Status CheckField(const Segment& segment, FieldId id, const std::vector<LogFile>& times) {
  const auto found = segment.insert_logs.find(id);
  if (found == segment.insert_logs.end()) {
    return Incomplete(segment, FieldName(id) + " has no files");
  }
  const std::vector<LogFile>& files = found->second;
  if (files.size() != times.size()) {
    return Incomplete(segment, FieldName(id) +
                                   " has another number of files: " + std::to_string(files.size()) +
                                   " and " + std::to_string(times.size()));
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i].rows != times[i].rows) {
      return Incomplete(segment, FieldName(id) + " has another number of rows in file " +
                                     std::to_string(files[i].id));
    }
  }
  return OkStatus();
}

}  // namespace

Status CheckFormat(const Segment& segment) {
  // 0 and 1 are the same format, with the name and without.
  if (segment.storage_version < 0 || segment.storage_version > 1) {
    return FailedPreconditionError(
        "segment " + std::to_string(segment.id.value) +
        " has an unknown storage version: " + std::to_string(segment.storage_version));
  }
  return OkStatus();
}

Status CheckFiles(const Schema& schema, const Segment& segment) {
  if (segment.insert_logs.empty() && segment.rows == 0) {
    return OkStatus();  // a growing segment before its first save
  }
  const auto times = segment.insert_logs.find(kTimestampField);
  if (times == segment.insert_logs.end()) {
    return Incomplete(segment, FieldName(kTimestampField) + " has no files");
  }
  int64_t rows = 0;
  for (const LogFile& file : times->second) {
    rows += file.rows;
  }
  if (rows != segment.rows) {
    return Incomplete(segment, "its files do not hold its rows: " + std::to_string(rows) + " and " +
                                   std::to_string(segment.rows));
  }
  CDC_RETURN_IF_ERROR(CheckField(segment, kRowIdField, times->second));
  for (const Field& field : schema.fields) {
    CDC_RETURN_IF_ERROR(CheckField(segment, field.id, times->second));
  }
  // What is not in the schema is the dynamic field.
  for (const auto& [id, files] : segment.insert_logs) {
    CDC_RETURN_IF_ERROR(CheckField(segment, id, times->second));
  }
  return OkStatus();
}

}  // namespace cdc
