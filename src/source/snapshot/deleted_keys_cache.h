#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "model/ids.h"
#include "source/snapshot/deleted_keys.h"
#include "source/snapshot/snapshot_plan.h"
#include "source/storage/storage.h"

namespace cdc {

// The deleted keys of the partitions that are being read, each read once for all its readers.
//
// Memory: those that are in use, and those used last while no others have been asked for since.
// Thread-safe.
class DeletedKeysCache {
 public:
  // `storage` must outlive it.
  DeletedKeysCache(Storage* storage, CollectionId collection)
      : storage_(storage), collection_(collection) {}

  // What was deleted in a partition of `channel` at or before its takeover. Waits while another
  // thread reads the same. Errors: see ReadDeleteLogs.
  Result<std::shared_ptr<const DeletedKeys>> Get(const ChannelSnapshot& channel,
                                                 PartitionId partition,
                                                 const std::stop_token& stop);

 private:
  using Key = std::pair<std::string, PartitionId>;  // vchannel, partition
  using Keys = std::shared_ptr<const DeletedKeys>;

  Result<Keys> ReadKeys(const ChannelSnapshot& channel,
                        PartitionId partition,
                        const std::stop_token& stop) const;

  Storage* const storage_;
  const CollectionId collection_;
  Mutex mutex_;
  CondVar read_;
  std::map<Key, Keys> keys_ CDC_GUARDED_BY(mutex_);  // nullptr: a thread is reading them
};

}  // namespace cdc
