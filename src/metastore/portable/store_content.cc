#include "metastore/portable/store_content.h"

#include <utility>
#include <vector>

#include "metastore/portable/portable_text.h"
#include "metastore/records/in_memory_record_store.h"
#include "metastore/records/record_meta_store.h"

namespace cdc {
namespace {

// Log keys are stored with a checkpoint, here with one that is stored anyway.
Status CopyLogKeys(MetaStore* from,
                   const std::string& task,
                   const MetaStore::Progress& progress,
                   MetaStore* to) {
  bool borrowed_channel = false;
  for (const SnapshotProgress& snapshot : progress.snapshots) {
    CDC_ASSIGN_OR_RETURN(const auto log_keys, from->LoadLogKeys(task, snapshot.collection));
    for (const std::string& keys : log_keys) {
      ChannelCheckpoint carrier;
      if (!progress.channels.empty()) {
        carrier = progress.channels.front();
      }
      borrowed_channel = progress.channels.empty();
      carrier.log_keys = {{snapshot.collection, keys}};
      CDC_RETURN_IF_ERROR(to->SaveCheckpoints(task, {carrier}));
    }
  }
  // Removes the channel that does not exist; the keys stay.
  return borrowed_channel ? to->ReplaceProgress(task, progress) : OkStatus();
}

Status CopyProgress(MetaStore* from,
                    const std::string& task,
                    MetaStore* to,
                    ContentCounts* counts) {
  CDC_ASSIGN_OR_RETURN(const MetaStore::Progress progress, from->LoadProgress(task));
  CDC_RETURN_IF_ERROR(to->ReplaceProgress(task, progress));
  if (!progress.source.empty()) {
    CDC_RETURN_IF_ERROR(to->PutSource(task, progress.source));
  }
  for (const std::string& database : progress.databases) {
    CDC_RETURN_IF_ERROR(to->PutDatabase(task, database));
  }
  if (!progress.access.empty()) {
    CDC_RETURN_IF_ERROR(to->PutAccess(task, progress.access));
  }
  counts->checkpoints += progress.channels.size();
  counts->collections += progress.collections.size();
  counts->copies += progress.snapshots.size();
  counts->aside += progress.aside.size();
  return CopyLogKeys(from, task, progress, to);
}

Result<ContentCounts> CopyAll(MetaStore* from, MetaStore* to) {
  ContentCounts counts;
  CDC_ASSIGN_OR_RETURN(const std::vector<TaskRecord> tasks, from->ListTasks());
  for (const TaskRecord& task : tasks) {
    CDC_RETURN_IF_ERROR(CopyProgress(from, task.spec.id, to, &counts));
  }
  for (const TaskRecord& task : tasks) {
    CDC_RETURN_IF_ERROR(to->PutTask(task));
  }
  counts.tasks = tasks.size();
  return counts;
}

Status DeleteAllTasks(MetaStore* store) {
  CDC_ASSIGN_OR_RETURN(const std::vector<TaskRecord> tasks, store->ListTasks());
  for (const TaskRecord& task : tasks) {
    CDC_RETURN_IF_ERROR(store->DeleteTask(task.spec.id));
  }
  return OkStatus();
}

// Also the progress of those tasks of `content` that were not stored yet.
Status PutBack(const StoreContent& before,
               const std::vector<std::string>& of_content,
               MetaStore* store) {
  CDC_RETURN_IF_ERROR(DeleteAllTasks(store));
  for (const std::string& task : of_content) {
    CDC_RETURN_IF_ERROR(store->DeleteTask(task));
  }
  return before.CopyTo(store);
}

std::string Count(size_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

}  // namespace

std::string Describe(const ContentCounts& counts) {
  return Count(counts.tasks, "task", "tasks") + ", " +
         Count(counts.checkpoints, "checkpoint", "checkpoints") + ", " +
         Count(counts.collections, "collection", "collections") + ", " +
         Count(counts.copies, "copy", "copies") + ", " + std::to_string(counts.aside) + " aside";
}

Result<StoreContent> StoreContent::New(std::unique_ptr<Records> records) {
  StoreContent content;
  content.records_ = std::move(records);
  CDC_ASSIGN_OR_RETURN(
      content.store_,
      OpenRecordMetaStore(std::make_unique<InMemoryRecordStore>(content.records_.get())));
  return content;
}

Result<StoreContent> StoreContent::Read(MetaStore* store) {
  CDC_ASSIGN_OR_RETURN(StoreContent content, New(std::make_unique<Records>()));
  CDC_ASSIGN_OR_RETURN(content.counts_, CopyAll(store, content.store_.get()));
  return content;
}

Result<StoreContent> StoreContent::Parse(const std::string& text) {
  CDC_ASSIGN_OR_RETURN(Records records, ParsePortableText(text));
  CDC_ASSIGN_OR_RETURN(const StoreContent parsed, New(std::make_unique<Records>(records)));
  CDC_ASSIGN_OR_RETURN(StoreContent content, Read(parsed.store_.get()));
  // A record that nothing has read would be lost without a word: of another kind, or of a task that
  // is missing.
  for (const auto& [key, value] : records) {
    if (!content.records_->contains(key)) {
      return DataLossError("record " + key + " is of no known kind or of no task in the file");
    }
  }
  return content;
}

std::string StoreContent::Text() const { return WritePortableText(*records_); }

Result<std::vector<std::string>> StoreContent::TaskIds() const {
  CDC_ASSIGN_OR_RETURN(const std::vector<TaskRecord> tasks, store_->ListTasks());
  std::vector<std::string> ids;
  for (const TaskRecord& task : tasks) {
    ids.push_back(task.spec.id);
  }
  return ids;
}

Status StoreContent::CopyTo(MetaStore* store) const {
  return CopyAll(store_.get(), store).status();
}

Status ImportContent(const StoreContent& content, MetaStore* store, bool replace) {
  CDC_ASSIGN_OR_RETURN(const StoreContent before, StoreContent::Read(store));
  if (before.counts().tasks > 0 && !replace) {
    return FailedPreconditionError("the metastore is not empty: " + Describe(before.counts()) +
                                   "; --replace removes them");
  }
  CDC_ASSIGN_OR_RETURN(const std::vector<std::string> tasks, content.TaskIds());
  Status done = DeleteAllTasks(store);
  if (done.ok()) {
    done = content.CopyTo(store);
  }
  if (done.ok()) {
    return done;
  }
  const Status undone = PutBack(before, tasks, store);
  if (undone.ok()) {
    return done.WithContext("nothing was imported, the metastore is as it was before");
  }
  return done.WithContext(
      "the import failed half-way, and the metastore could not be put back: import again with "
      "--replace before a server uses it");
}

}  // namespace cdc
