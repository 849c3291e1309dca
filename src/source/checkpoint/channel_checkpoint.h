#pragma once

#include <cstddef>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"
#include "etcd/etcd_client.h"
#include "model/catalog.h"
#include "source/checkpoint/log_place.h"

namespace cdc {

// The keys of checkpoints, without the meta root, are this and the vchannel.
inline constexpr std::string_view kChannelCheckpoints = "datacoord-meta/channel-cp/";

// kDataLoss: the value is not a checkpoint.
Result<LogPlace> DecodeLogPlace(std::string_view value);

// The place of a collection's own creation in the log of a shard. kFailedPrecondition: the source
// does not record it.
Result<LogPlace> CollectionBeginning(const Collection& collection, size_t shard);

// Reads, for each vchannel of `collection`, the place up to which the source has stored all its
// rows; where nothing has been stored yet, that is the collection's beginning. All at one revision
// of etcd. `meta_root`: Milvus' etcd.rootPath and etcd.metaSubPath, "by-dev/meta/".
//
// kDataLoss: a value that is not what its key says; the message has the key. Others: see
// CollectionBeginning and EtcdClient::Range.
Result<std::map<std::string, LogPlace>> ReadChannelCheckpoints(EtcdClient& etcd,
                                                               const std::string& meta_root,
                                                               const Collection& collection,
                                                               const std::stop_token& stop);

}  // namespace cdc
