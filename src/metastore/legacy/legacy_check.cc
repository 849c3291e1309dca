#include "metastore/legacy/legacy_check.h"

#include <string>

namespace cdc {

void CheckLegacy(const LegacyRecords& records, StoreCheck* check) {
  LegacyFound& legacy = check->legacy;
  legacy.tasks = records.tasks.size();
  legacy.positions = records.positions.size();
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

}  // namespace cdc
