#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"

namespace cdc {

// The records of one topic at the time it was created. Seek first. Use it from one thread and for
// one Poll at most: it keeps files of the store open.
class RocksmqIterator {
 public:
  virtual ~RocksmqIterator() = default;

  // Moves to a record: the oldest, the newest, the first at or after `id`, the next one.
  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  virtual void Seek(int64_t id) = 0;
  virtual void Next() = 0;

  // Whether it is on a record. If not, `status` distinguishes the end (OK) from an error:
  // kUnavailable: files could not be read. kDataLoss: the keys are not RocksMQ's.
  virtual bool Valid() const = 0;
  virtual Status status() const = 0;
  virtual int64_t id() const = 0;
  virtual std::string_view value() const = 0;  // valid until the next move

  // The generation of the opening it reads from.
  virtual uint64_t generation() const = 0;
};

// Milvus' RocksDB, opened as a secondary; reopened when it cannot be followed any further or when
// the folder holds a different store. Thread-safe; must outlive its iterators.
class RocksmqStore {
 public:
  // `log_folder` must exist; RocksDB's own log goes there. `clock` must outlive it. Errors as for
  // OpenRocksmqLog.
  static Result<std::unique_ptr<RocksmqStore>> Open(std::filesystem::path path,
                                                    std::filesystem::path log_folder,
                                                    const Clock* clock);
  ~RocksmqStore();
  RocksmqStore(const RocksmqStore&) = delete;
  RocksmqStore& operator=(const RocksmqStore&) = delete;

  // Catches up with the primary, unless some thread did less than `max_age` ago: with 0, iterators
  // created afterwards show everything written before the call.
  //
  // kUnavailable: the store cannot be read now.
  Status CatchUp(std::chrono::milliseconds max_age);

  // Grows whenever there may be something new.
  uint64_t version() const;

  std::unique_ptr<RocksmqIterator> NewIterator(std::string_view topic);

  // Reports an error of an iterator of this generation: the next CatchUp reopens the store.
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

  RocksmqStore(std::filesystem::path path,
               std::filesystem::path log_folder,
               const Clock* clock,
               std::shared_ptr<Database> database);

  Status Refresh(const std::shared_ptr<Database>& database, bool reopen);
  Status Reopen();

  const std::filesystem::path path_;
  const std::filesystem::path log_folder_;
  const Clock* const clock_;

  mutable Mutex mutex_;
  CondVar idle_;
  // One thread at a time refreshes, without holding the mutex.
  bool busy_ CDC_GUARDED_BY(mutex_) = false;
  bool broken_ CDC_GUARDED_BY(mutex_) = false;
  std::shared_ptr<Database> database_ CDC_GUARDED_BY(mutex_);
  uint64_t sequence_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t version_ CDC_GUARDED_BY(mutex_) = 1;
  Status last_ CDC_GUARDED_BY(mutex_);
  Clock::TimePoint refreshed_at_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
