#pragma once

#include <stop_token>
#include <string>

#include "base/status.h"
#include "etcd/etcd_client.h"

namespace cdc {

// Checks that a Milvus keeps its metadata below `meta_root` ("by-dev/meta/").
//
// kNotFound: it does not; the message names the path and the roots that exist instead, found by a
// bounded search (see kMaxLookups in the source).
Status CheckMilvusRoot(EtcdClient& client,
                       const std::string& meta_root,
                       const std::stop_token& stop);

}  // namespace cdc
