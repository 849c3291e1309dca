#include "metastore/legacy/legacy_check.h"

#include <string>

namespace cdc {

void CheckLegacy(const LegacyRecords& records, StoreCheck* check) {
  LegacyFound& legacy = check->legacy;
  legacy.tasks = records.tasks;
  legacy.positions = records.positions;
  for (const auto& [key, value] : records.tasks) {
    const std::string id = key.substr(key.rfind('/') + 1);
    if (!check->tasks.contains(id)) {
      legacy.not_here.insert(id);
    }
  }
  if (check->version) {
    return;  // nobody reads them any more
  }
  const Status read = ReadLegacyRecords(records, {}).status();
  if (!read.ok()) {
    check->damaged.push_back(
        {.key = "task_info or task_position",
         .why = read.message(),
         .cure = "repair it, or remove the record and create its task again afterwards: until then "
                 "no server starts here"});
  }
}

Status CheckUnchanged(const LegacyRecords& records, const LegacyFound& checked) {
  return records.tasks == checked.tasks && records.positions == checked.positions
             ? OkStatus()
             : LegacyChangedError();
}

Status LegacyChangedError() {
  return FailedPreconditionError(
      "the records of the earlier program have changed since they were checked, so none was "
      "removed: stop that program, and call this again");
}

}  // namespace cdc
