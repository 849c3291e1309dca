#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/status.h"
#include "etcd/etcd_client.h"
#include "model/tls.h"
#include "source/catalog_source.h"
#include "source/snapshot_source.h"

namespace cdc {

// How the source's own Milvus is reached, and the etcd behind it.
struct MilvusQueryOptions {
  std::string uri{};    // http://host:port or https://host:port
  std::string token{};  // user:password or an API key; empty: none
  TlsOptions tls{};
  EtcdOptions etcd{};
  std::string root_path = "by-dev";    // Milvus's etcd.rootPath
  std::string meta_sub_path = "meta";  // Milvus's etcd.metaSubPath
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds query_timeout{60'000};
  size_t page_bytes = 4U << 20;  // of an answer, roughly
};

// The rows of a Milvus, read by queries: for a source whose storage cannot be reached. Its query
// nodes do the work, and the collections must be loaded.
//
// A query shows the rows of its own moment, later than the takeover: see
// CollectionSnapshot::SeenUntil. A part of the snapshot is a partition, or with a partition key the
// collection; all of them are listed with the first vchannel, though their rows belong to all.
//
// `catalog` must outlive it. Errors of a plan: kUnauthenticated, kPermissionDenied: credentials.
// kFailedPrecondition: another Milvus than the one whose etcd is read. kAborted: the
// collection is not loaded. kInvalidArgument: an address or a PEM file that makes no sense.
Result<std::unique_ptr<SnapshotSource>> NewMilvusQuerySnapshots(const MilvusQueryOptions& options,
                                                                CatalogSource* catalog);

}  // namespace cdc
