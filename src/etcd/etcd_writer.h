#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "etcd/etcd_client.h"

namespace cdc {

// A transaction: if all its conditions hold, all its changes are made, else none. etcd refuses one
// of more than 128 changes or 1.5 MiB (its --max-txn-ops and --max-request-bytes), and one that
// deletes a key it puts.
struct EtcdTxn {
  // The last change of `key` is of this revision; 0: there is no such key.
  struct Unchanged {
    std::string key{};
    int64_t mod_revision = 0;
  };
  // No key in the range was put after `revision`. Deletions do not count.
  struct NotPutSince {
    KeyRange keys{};
    int64_t revision = 0;
  };
  struct Put {
    std::string key{};
    std::string value{};
    int64_t lease = 0;  // the key goes with it; 0: it stays
  };
  std::vector<Unchanged> conditions{};
  std::vector<NotPutSince> range_conditions{};
  std::vector<Put> puts{};
  std::vector<KeyRange> deletions{};
};

struct EtcdTxnResult {
  bool succeeded = false;  // the conditions held and the changes are durable
  int64_t revision = 0;    // of the changes, or of the comparison
};

// While a lease is kept alive, the keys put with it stay; `ttl` after the last time etcd deletes
// them.
struct EtcdLease {
  int64_t id = 0;
  std::chrono::seconds ttl{};  // may be longer than requested
};

// An EtcdClient that also writes. Thread-safe. Errors as there.
class EtcdWriter : public EtcdClient {
 public:
  // kUnavailable, kDeadlineExceeded, kCancelled: it may have been executed, or still be. With
  // several endpoints it may even be executed once by each of two: make sure that its own success
  // breaks one of its conditions.
  virtual Result<EtcdTxnResult> Txn(const EtcdTxn& txn, const std::stop_token& stop) = 0;

  virtual Result<EtcdLease> GrantLease(std::chrono::seconds ttl, const std::stop_token& stop) = 0;

  // Restarts the time of the lease, counted from when etcd gets the call. kNotFound: it has
  // expired.
  virtual Status KeepLease(int64_t lease, const std::stop_token& stop) = 0;

  // Deletes the lease and its keys. kNotFound: it has expired.
  virtual Status RevokeLease(int64_t lease, const std::stop_token& stop) = 0;
};

// As NewEtcdClient.
Result<std::unique_ptr<EtcdWriter>> NewEtcdWriter(const EtcdOptions& options);

}  // namespace cdc
