#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/backoff.h"
#include "base/status.h"
#include "etcd/etcd_client.h"
#include "source/catalog_source.h"

namespace cdc {

struct EtcdCatalogOptions {
  EtcdOptions etcd{};
  std::string root_path = "by-dev";    // Milvus's etcd.rootPath
  std::string meta_sub_path = "meta";  // Milvus's etcd.metaSubPath
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds sync_timeout{10'000};
  BackoffOptions reconnect{.initial = std::chrono::milliseconds(100),
                           .max = std::chrono::milliseconds(5'000)};
};

// How the catalog is doing; for conditions and metrics.
struct EtcdCatalogHealth {
  Status status;              // not ok: the catalog may be behind, and why
  int64_t since_unix_ms = 0;  // when `status` began to be so
  int64_t revision = 0;       // of the newest snapshot
  uint64_t lists = 0;         // how often everything was listed: 1 plus one a compaction
  uint64_t reconnects = 0;
  uint64_t malformed_values = 0;  // ignored, see the log
};

// The catalog of a Milvus whose metadata lies in etcd.
//
// It lists all metadata at one revision and follows the changes from the next, in the order and the
// transactions of etcd, so every snapshot is the state of one revision. When the watch breaks it
// waits and goes on after the last revision it has seen; when etcd no longer has those revisions,
// or is not the store it was, it lists again and takes over what differs. A lost etcd never ends
// the object: the snapshot stays as it is, `health` says why, and Sync fails.
class EtcdCatalog : public CatalogSource {
 public:
  virtual EtcdCatalogHealth health() const = 0;
};

// Connects, lists, and starts to follow. Blocks at most about `connect_timeout` if etcd does not
// answer. The subscriptions of the catalog may outlive it.
//
// kUnavailable, kDeadlineExceeded: no endpoint answers; the message names them. kNotFound: there is
// no Milvus under the root path; the message says where was looked and which roots there are.
// kInvalidArgument, kUnauthenticated, kPermissionDenied: the options.
Result<std::unique_ptr<EtcdCatalog>> StartEtcdCatalog(const EtcdCatalogOptions& options);

// The same over a client of the caller's: for tests.
Result<std::unique_ptr<EtcdCatalog>> StartEtcdCatalog(const EtcdCatalogOptions& options,
                                                      std::unique_ptr<EtcdClient> client);

}  // namespace cdc
