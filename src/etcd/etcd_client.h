#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"

namespace cdc {

struct EtcdOptions {
  // "host:port", "http://host:port" or "https://host:port"; one reachable endpoint is enough.
  std::vector<std::string> endpoints{};
  std::string user{};  // empty: no authentication
  std::string password{};
  // PEM files. If any of them is set, endpoints without a scheme use TLS.
  std::string ca_file{};  // empty: the system's certificates
  std::string cert_file{};
  std::string key_file{};
  bool tls_13_only = false;  // refuses a server that only speaks older versions of TLS
  std::chrono::milliseconds dial_timeout{5'000};   // to connect to one endpoint
  std::chrono::milliseconds call_timeout{10'000};  // for a whole call, over all endpoints
  int64_t page_keys = 1'000;
};

// The keys in [begin, end). An empty `end` selects the single key `begin`.
struct KeyRange {
  std::string begin{};
  std::string end{};
  bool operator==(const KeyRange&) const = default;
};

// Every key that begins with `prefix`; an empty prefix selects all keys.
KeyRange PrefixRange(const std::string& prefix);

struct EtcdKeyValue {
  std::string key{};
  std::string value{};
  int64_t mod_revision = 0;
};

struct EtcdRange {
  std::vector<EtcdKeyValue> kvs{};  // sorted by key
  int64_t revision = 0;             // the revision that `kvs` reflects
};

struct RangeOptions {
  int64_t revision = 0;  // 0: now, which includes everything committed before the call
  int64_t limit = 0;     // 0: all keys
  bool keys_only = false;
};

// The number of keys and the newest change of a set of ranges, at one revision.
struct RangeSummary {
  int64_t revision = 0;
  int64_t keys = 0;
  int64_t newest_mod_revision = 0;  // 0 without keys
};

struct EtcdStatus {
  std::string version{};
  int64_t revision = 0;
};

struct EtcdEvent {
  bool deleted = false;
  EtcdKeyValue kv{};  // if deleted: without a value, at the revision of the deletion
};

struct WatchBatch {
  std::vector<EtcdEvent> events{};  // whole transactions, in order; empty: nothing new, or progress
  // Everything in the range up to and including it has been delivered. Never moves back.
  int64_t revision = 0;
};

// Follows one range of keys on one etcd stream, in order of revision. Use it from one thread; it
// starts none. The first error ends it: open a new watch from the last revision + 1.
class EtcdWatch {
 public:
  virtual ~EtcdWatch() = default;

  // Waits for changes for at most `timeout`, after which the batch is empty.
  //
  // kOutOfRange: the revisions were compacted before they were delivered; list again. kUnavailable:
  // the stream broke. kCancelled: stopped. All of them end the watch.
  virtual Result<WatchBatch> Next(std::chrono::milliseconds timeout,
                                  const std::stop_token& stop) = 0;

  // The store's revision when the watch began. If it is below `start_revision` - 1, this store is
  // not the one read before, or lags behind it.
  virtual int64_t StoreRevision() const = 0;
};

// A client of etcd's v3 API; tested with etcd 3.4. Thread-safe. Must outlive its watches.
//
// Calls go to one endpoint until it fails with kUnavailable, then to the next; a call fails once
// every endpoint has failed. It waits at most `call_timeout`, and ends early on `stop`
// (kCancelled). kUnavailable, kDeadlineExceeded: try again. kUnauthenticated, kPermissionDenied:
// wrong credentials. Messages name the endpoints and never contain a credential.
//
// It only reads: who follows a source cannot write to it. See EtcdWriter.
class EtcdClient {
 public:
  virtual ~EtcdClient() = default;

  // Reads in pages of `page_keys`, all at the revision of the first page. kOutOfRange: that
  // revision was compacted, possibly between two pages; call again.
  virtual Result<EtcdRange> Range(const KeyRange& range,
                                  const RangeOptions& options,
                                  const std::stop_token& stop) = 0;

  // Counts the keys of all `ranges` at one revision, which includes everything committed before the
  // call. kOutOfRange: the revision was compacted meanwhile; call again.
  virtual Result<RangeSummary> Summarize(const std::vector<KeyRange>& ranges,
                                         const std::stop_token& stop) = 0;

  // Queries the status of one reachable endpoint; works without a quorum.
  virtual Result<EtcdStatus> GetStatus(const std::stop_token& stop) = 0;

  // Follows `range` from the changes of `start_revision` on; 0: from the next change on.
  virtual Result<std::unique_ptr<EtcdWatch>> Watch(const KeyRange& range,
                                                   int64_t start_revision,
                                                   const std::stop_token& stop) = 0;
};

// Does not connect yet. kInvalidArgument: no endpoint, a malformed one, an unreadable PEM file.
Result<std::unique_ptr<EtcdClient>> NewEtcdClient(const EtcdOptions& options);

}  // namespace cdc
