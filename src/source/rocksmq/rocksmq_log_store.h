#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/status.h"

namespace cdc {

// The records of one topic as they were when it was made. Seek first. Belongs to one thread, and to
// no longer than a Poll: it keeps files of the store open.
class RocksmqIterator {
 public:
  virtual ~RocksmqIterator() = default;

  // Go to a record: the oldest, the newest, the first at or after `id`, the one after this.
  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  virtual void Seek(int64_t id) = 0;
  virtual void Next() = 0;

  // Whether it stands on a record. If not, `status` tells whether that is the end or an error:
  // kUnavailable: files could not be read. kDataLoss: keys that are not RocksMQ's.
  virtual bool Valid() const = 0;
  virtual Status status() const = 0;
  virtual int64_t id() const = 0;
  virtual std::string_view value() const = 0;  // until the next move

  // Of the opening that it reads from.
  virtual uint64_t generation() const = 0;
};

// Milvus' RocksDB, opened as a secondary; opened anew when it cannot be followed any further or
// when the folder holds another store than before. Thread-safe; must outlive its iterators.
class RocksmqStore {
 public:
  // `log_folder` exists and is for RocksDB's own log. Errors as of OpenRocksmqLog.
  static Result<std::unique_ptr<RocksmqStore>> Open(std::filesystem::path path,
                                                    std::filesystem::path log_folder);
  ~RocksmqStore();
  RocksmqStore(const RocksmqStore&) = delete;
  RocksmqStore& operator=(const RocksmqStore&) = delete;

  // Takes in what the primary wrote, unless that was done less than `max_age` ago, by whatever
  // thread: with 0, iterators made afterwards show everything written before the call.
  //
  // kUnavailable: the store cannot be read now.
  Status CatchUp(std::chrono::milliseconds max_age);

  // Grows whenever there may be something new to see.
  uint64_t version() const;

  std::unique_ptr<RocksmqIterator> NewIterator(std::string_view topic);

  // Says that an iterator of this generation met an error: the next CatchUp opens the store anew.
  void MarkBroken(uint64_t generation);

  struct Identity {
    uint64_t inode = 0;
    int64_t seconds = 0;
    int64_t nanos = 0;
    bool operator==(const Identity&) const = default;
  };

 private:
  struct Database;
  class Iterator;
  using Clock = std::chrono::steady_clock;

  RocksmqStore(std::filesystem::path path,
               std::filesystem::path log_folder,
               std::shared_ptr<Database> database);

  Status Refresh(const std::shared_ptr<Database>& database, bool reopen);
  Status Reopen();

  const std::filesystem::path path_;
  const std::filesystem::path log_folder_;

  mutable Mutex mutex_;
  CondVar idle_;
  // One thread at a time refreshes, without holding the mutex.
  bool busy_ CDC_GUARDED_BY(mutex_) = false;
  bool broken_ CDC_GUARDED_BY(mutex_) = false;
  std::shared_ptr<Database> database_ CDC_GUARDED_BY(mutex_);
  uint64_t sequence_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t version_ CDC_GUARDED_BY(mutex_) = 1;
  Status last_ CDC_GUARDED_BY(mutex_);
  Clock::time_point refreshed_at_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
