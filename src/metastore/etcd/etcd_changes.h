#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "etcd/etcd_client.h"
#include "metastore/records/record_store.h"

// How changes of records become puts and deletions of etcd's keys, within etcd's limits.
namespace cdc::etcd_changes {

// etcd refuses a request of more than 1.5 MiB or 128 operations. What a request has besides (its
// conditions, the lengths) is small.
inline constexpr size_t kMaxTxnBytes = 1 << 20;
inline constexpr size_t kMaxTxnOperations = 120;
// A value that is larger is divided: its first part is at the record's key, each other one at the
// key with a zero byte and a number of four digits, so that all of them sort together.
inline constexpr size_t kMaxPartBytes = 256 << 10;

// Puts `keys.begin`, or deletes all `keys`.
struct Operation {
  KeyRange keys{};
  std::optional<std::string> value{};
  size_t Bytes() const { return keys.begin.size() + keys.end.size() + (value ? value->size() : 0); }
  bool operator==(const Operation&) const = default;
};

// What makes `changes` to the records below `base`. No two of the operations concern the same key,
// because etcd refuses a deletion of what is also put: deleted is what is between the keys that
// stay. So their order does not matter, and making them twice is the same as once.
std::vector<Operation> OperationsOf(const RecordChanges& changes, const std::string& base);

// Puts the operations together until a transaction is full.
std::vector<std::vector<Operation>> Divide(std::vector<Operation> operations);

// The bytes of a journal, and back. nullopt: no journal.
std::string Encode(const std::vector<Operation>& operations);
std::optional<std::vector<Operation>> Decode(const std::string& bytes);

// The records of keys below `base`, their values joined.
std::map<std::string, std::string> Join(std::vector<EtcdKeyValue> kvs, const std::string& base);

}  // namespace cdc::etcd_changes
