#include "source/snapshot/deleted_keys_cache.h"

namespace cdc {

Result<std::shared_ptr<const DeletedKeys>> DeletedKeysCache::Get(const ChannelSnapshot& channel,
                                                                 PartitionId partition,
                                                                 const std::stop_token& stop) {
  const Key key{channel.vchannel, partition};
  {
    MutexLock lock(mutex_);
    const auto ended = [this, &key] {
      const auto found = keys_.find(key);
      return found == keys_.end() || found->second != nullptr;
    };
    if (!read_.Wait(lock, stop, ended)) {
      return CancelledError("stopped");
    }
    if (const auto found = keys_.find(key); found != keys_.end()) {
      return found->second;
    }
    std::erase_if(keys_, [](const auto& each) { return each.second.use_count() == 1; });
    keys_[key] = nullptr;
  }
  Result<Keys> keys = ReadKeys(channel, partition, stop);
  MutexLock lock(mutex_);
  if (keys.ok()) {
    keys_[key] = *keys;
  } else {
    keys_.erase(key);  // whoever waits tries by itself
  }
  read_.NotifyAll();
  return keys;
}

Result<DeletedKeysCache::Keys> DeletedKeysCache::ReadKeys(const ChannelSnapshot& channel,
                                                          PartitionId partition,
                                                          const std::stop_token& stop) const {
  auto keys = std::make_shared<DeletedKeys>();
  for (const Segment& deletes : channel.deletes) {
    if (deletes.partition == partition || deletes.partition == kAllPartitions) {
      CDC_RETURN_IF_ERROR(
          ReadDeleteLogs(*storage_, collection_, deletes, channel.takeover.time, stop, keys.get()));
    }
  }
  return Keys(std::move(keys));
}

}  // namespace cdc
