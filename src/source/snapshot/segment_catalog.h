#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "etcd/etcd_client.h"
#include "model/catalog.h"
#include "source/snapshot/segment.h"

namespace cdc {

// Reads what etcd holds about the segments of `collection`, all at one revision. `meta_root` is
// Milvus' etcd.rootPath and etcd.metaSubPath: "by-dev/meta/".
//
// One revision is enough: Milvus writes a segment with its files in one transaction and the
// checkpoint afterwards, so a checkpoint never precedes the files it promises.
//
// kUnavailable: etcd compacted the revision again and again while it was read. kDataLoss: a value
// that is not what its key says; the message has the key. Others: see EtcdClient::Range.
Result<SegmentCatalog> ReadSegmentCatalog(EtcdClient& etcd,
                                          const std::string& meta_root,
                                          const Collection& collection,
                                          const std::stop_token& stop);

// The ranges of keys that ReadSegmentCatalog reads.
std::vector<KeyRange> SegmentCatalogRanges(const std::string& meta_root,
                                           const Collection& collection);

// Builds the catalog from all keys in these ranges. Pure; kDataLoss as above.
Result<SegmentCatalog> BuildSegmentCatalog(const std::string& meta_root,
                                           const Collection& collection,
                                           int64_t revision,
                                           const std::vector<EtcdKeyValue>& kvs);

}  // namespace cdc
