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
  // "host:port", "http://host:port" or "https://host:port"; one living one is enough.
  std::vector<std::string> endpoints{};
  std::string user{};  // empty: without authentication
  std::string password{};
  // PEM files. With any of them an endpoint without a scheme is reached by TLS.
  std::string ca_file{};  // empty: the system's certificates
  std::string cert_file{};
  std::string key_file{};
  std::chrono::milliseconds dial_timeout{5'000};   // for the connection to one endpoint
  std::chrono::milliseconds call_timeout{10'000};  // for a whole call, over all endpoints
  int64_t page_keys = 1'000;
};

// The keys from `begin` up to, but without, `end`. An empty `end`: the key `begin` alone.
struct KeyRange {
  std::string begin{};
  std::string end{};
};

// Every key that begins with `prefix`; with an empty one every key.
KeyRange PrefixRange(const std::string& prefix);

struct EtcdKeyValue {
  std::string key{};
  std::string value{};
  int64_t mod_revision = 0;
};

struct EtcdRange {
  std::vector<EtcdKeyValue> kvs{};  // by key
  int64_t revision = 0;             // what `kvs` is the state of
};

struct RangeOptions {
  int64_t revision = 0;  // 0: now, that is at least everything committed before the call
  int64_t limit = 0;     // 0: all keys
  bool keys_only = false;
};

// What a set of ranges holds at one revision, without its keys.
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
  EtcdKeyValue kv{};  // deleted: no value, and the revision of the deletion
};

struct WatchBatch {
  std::vector<EtcdEvent> events{};  // whole transactions, in order; empty: nothing new, or progress
  // Everything of the range at or below it has been delivered. Never moves back.
  int64_t revision = 0;
};

// Follows one range of keys on one etcd stream, in the order of revisions. Belongs to one thread,
// uses no other, and ends with the first error: open a new one from the last revision + 1.
class EtcdWatch {
 public:
  virtual ~EtcdWatch() = default;

  // Waits for changes, at most `timeout`; then the batch is empty.
  //
  // kOutOfRange: the revisions were compacted before they could be delivered: list again.
  // kUnavailable: the stream broke. kCancelled: `stop`. Both end the watch.
  virtual Result<WatchBatch> Next(std::chrono::milliseconds timeout,
                                  const std::stop_token& stop) = 0;

  // The store's revision when the watch began. Below the revision asked for minus 1: the store is
  // not the one (or behind the one) that was read before.
  virtual int64_t StoreRevision() const = 0;
};

// A client of etcd's v3 API; tried with etcd 3.4. Thread-safe. Must outlive its watches.
//
// Calls go to one endpoint until it fails with kUnavailable, then to the next; a call has failed
// when every endpoint has within `call_timeout`. A call waits at most that long, and ends early by
// `stop` (kCancelled). Statuses: kUnavailable, kDeadlineExceeded: try again. kUnauthenticated,
// kPermissionDenied: credentials. Messages name the endpoints and never a credential.
class EtcdClient {
 public:
  virtual ~EtcdClient() = default;

  // Reads in pages of `page_keys`, all at the revision of the first. kOutOfRange: the revision was
  // compacted (also between two pages): call again.
  virtual Result<EtcdRange> Range(const KeyRange& range,
                                  const RangeOptions& options,
                                  const std::stop_token& stop) = 0;

  // Counts the keys of all `ranges` at one revision, that of everything committed before.
  // kOutOfRange: the revision was compacted meanwhile: call again.
  virtual Result<RangeSummary> Summarize(const std::vector<KeyRange>& ranges,
                                         const std::stop_token& stop) = 0;

  // Asks one living endpoint about itself; succeeds also without a quorum.
  virtual Result<EtcdStatus> GetStatus(const std::stop_token& stop) = 0;

  // Begins to follow `range` with the changes of `start_revision`; 0: with what comes next.
  virtual Result<std::unique_ptr<EtcdWatch>> Watch(const KeyRange& range,
                                                   int64_t start_revision,
                                                   const std::stop_token& stop) = 0;
};

// Does not connect yet. kInvalidArgument: no endpoint, a malformed one, an unreadable PEM file.
Result<std::unique_ptr<EtcdClient>> NewEtcdClient(const EtcdOptions& options);

}  // namespace cdc
