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

// The state of the connection to etcd.
struct EtcdCatalogHealth {
  Status status;       // not OK: the catalog may be behind; the reason
  uint64_t lists = 0;  // complete lists so far: 1 plus one per compaction
};

// The catalog of a Milvus with its metadata in etcd.
//
// It lists all metadata at one revision and follows the changes from the next one, in etcd's order
// and transactions, so every snapshot is the state at one revision. If the watch breaks, it resumes
// after the last revision it has seen; if etcd no longer has those revisions, or is a different
// store, it lists again and applies the differences. Losing etcd never ends the object: the
// snapshot stays, `health` has the reason, and Sync fails.
class EtcdCatalog : public CatalogSource {
 public:
  virtual EtcdCatalogHealth health() const = 0;
};

// Connects, lists, and starts to follow. Blocks for about `connect_timeout` at most if etcd does
// not answer. Subscriptions may outlive the catalog.
//
// kUnavailable, kDeadlineExceeded: no endpoint answers; the message names them. kNotFound: no
// Milvus under the root path; the message says where it looked and which roots exist.
// kInvalidArgument, kUnauthenticated, kPermissionDenied: wrong options.
Result<std::unique_ptr<EtcdCatalog>> StartEtcdCatalog(const EtcdCatalogOptions& options);

// The same with a given client, for tests.
Result<std::unique_ptr<EtcdCatalog>> StartEtcdCatalog(const EtcdCatalogOptions& options,
                                                      std::unique_ptr<EtcdClient> client);

}  // namespace cdc
