#include "metastore/records/record_check.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "metastore/records/progress_reader.h"
#include "metastore/records/record_keys.h"
#include "metastore/records/record_values.h"

namespace cdc {
namespace {

constexpr const char* kPutBack =
    "stop the server, then `milvus-cdc metastore import` an export made earlier into another "
    "rootPath; without one, remove this record";
constexpr const char* kUnknownKind =
    "start the program that has written it, or remove it if a person has";

bool HasPrefix(std::string_view key, std::string_view prefix) {
  return key.substr(0, prefix.size()) == prefix;
}

// What becomes of a task whose record is removed.
std::string CureOf(const std::string& what_then) {
  return std::string(kPutBack) + " and " + what_then;
}

class RecordChecker {
 public:
  explicit RecordChecker(StoreCheck* check) : check_(check) {}

  void AddTask(const std::string& key, const std::string& value) {
    const std::optional<std::string> id =
        record_keys::Unescape(record_keys::NextPart(key, record_keys::kTasks));
    if (!id) {
      AddDamaged(key, "its key is malformed", CureOf("create the task again"));
      return;
    }
    check_->tasks.insert(*id);
    Result<TaskRecord> task = record_values::DecodeTask(*id, value);
    if (task.ok()) {
      check_->readable.push_back(*std::move(task));
    } else {
      AddDamaged(key, task.status().message(), CureOf("create the task again"));
    }
  }

  void AddOfTask(const std::string& key, const std::string& value) {
    const bool log_keys = HasPrefix(key, record_keys::kLogKeys);
    const std::string_view part =
        record_keys::NextPart(key, log_keys ? record_keys::kLogKeys : record_keys::kProgress);
    const std::optional<std::string> task = record_keys::Unescape(part);
    if (!task) {
      AddDamaged(key, "its key is malformed", kUnknownKind);
      return;
    }
    if (!check_->tasks.contains(*task)) {
      ++check_->orphans[*task];
      return;
    }
    if (log_keys) {
      return;  // keys of rows: any bytes
    }
    const std::string prefix = record_keys::Progress(*task);
    const std::string_view rest =
        key.size() > prefix.size() ? std::string_view(key).substr(prefix.size()) : "";
    const Status read = progress_[*task].Add(rest, value);
    if (!read.ok()) {
      AddDamaged(key, read.message(), CureOf("delete its task and create it again"));
    }
  }

  void AddUnknown(const std::string& key) {
    AddDamaged(key, "nothing of this kind is known", kUnknownKind);
  }

  void Count() {
    for (auto& [task, reader] : progress_) {
      const MetaStore::Progress progress = reader.Take();
      check_->checkpoints += progress.channels.size();
      check_->collections += progress.collections.size();
      check_->copies += progress.snapshots.size();
      check_->aside += progress.aside.size();
    }
  }

 private:
  void AddDamaged(const std::string& key, const std::string& why, const std::string& cure) {
    check_->damaged.push_back({.key = key, .why = why, .cure = cure});
  }

  StoreCheck* const check_;
  std::map<std::string, ProgressReader> progress_;
};

}  // namespace

Status CheckRecords(const std::map<std::string, std::string>& records, StoreCheck* check) {
  const auto version = records.find(record_keys::kVersion);
  if (version != records.end()) {
    int64_t number = 0;
    if (!record_keys::ReadNumber(version->second, &number)) {
      check->damaged.push_back({.key = record_keys::kVersion,
                                .why = "no number",
                                .cure = "put " + std::to_string(record_keys::kLayoutVersion) +
                                        " there if the other records are whole"});
    } else if (number > record_keys::kLayoutVersion) {
      return FailedPreconditionError("metastore " + check->place +
                                     " was written by a newer program, which must check it: "
                                     "version " +
                                     std::to_string(number) + " > " +
                                     std::to_string(record_keys::kLayoutVersion));
    }
    check->version = number;
  }
  RecordChecker checker(check);
  // The tasks first: the others are theirs.
  for (const auto& [key, value] : records) {
    if (HasPrefix(key, record_keys::kTasks)) {
      checker.AddTask(key, value);
    }
  }
  for (const auto& [key, value] : records) {
    if (HasPrefix(key, record_keys::kProgress) || HasPrefix(key, record_keys::kLogKeys)) {
      checker.AddOfTask(key, value);
    } else if (!HasPrefix(key, record_keys::kTasks) && key != record_keys::kVersion) {
      checker.AddUnknown(key);
    }
  }
  checker.Count();
  return OkStatus();
}

}  // namespace cdc
