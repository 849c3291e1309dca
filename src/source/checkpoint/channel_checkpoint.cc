#include "source/checkpoint/channel_checkpoint.h"

#include <utility>

#include "milvus_meta.pb.h"

namespace cdc {

Result<LogPlace> DecodeLogPlace(std::string_view value) {
  meta::MsgPosition position;
  if (!position.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
      position.msgid().empty() || position.timestamp() == 0) {
    return DataLossError("not a MsgPosition");
  }
  return LogPlace{.position = MsgId{position.msgid()}, .time = Timestamp{position.timestamp()}};
}

Result<LogPlace> CollectionBeginning(const Collection& collection, size_t shard) {
  const auto found = collection.start_positions.find(collection.pchannels[shard]);
  if (found == collection.start_positions.end()) {
    return FailedPreconditionError("the source records neither a checkpoint nor a start");
  }
  return LogPlace{.position = found->second, .time = collection.created};
}

Result<std::map<std::string, LogPlace>> ReadChannelCheckpoints(EtcdClient& etcd,
                                                               const std::string& meta_root,
                                                               const Collection& collection,
                                                               const std::stop_token& stop) {
  std::map<std::string, LogPlace> places;
  RangeOptions options;
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const std::string& vchannel = collection.vchannels[shard];
    const std::string key = meta_root + std::string(kChannelCheckpoints) + vchannel;
    CDC_ASSIGN_OR_RETURN(const EtcdRange found, etcd.Range({.begin = key}, options, stop));
    options.revision = found.revision;
    Result<LogPlace> place = found.kvs.empty() ? CollectionBeginning(collection, shard)
                                               : DecodeLogPlace(found.kvs.front().value);
    if (!place.ok()) {
      return place.status().WithContext(found.kvs.empty() ? "channel " + vchannel
                                                          : "etcd key " + key);
    }
    places[vchannel] = *std::move(place);
  }
  return places;
}

}  // namespace cdc
