#include "metastore/etcd/etcd_changes.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace cdc::etcd_changes {
namespace {

constexpr char kPut = 'P';
constexpr char kDelete = 'D';
constexpr size_t kLengthBytes = 4;

// A record's key and those of its parts: other keys are printable.
KeyRange AllParts(const std::string& key) { return {.begin = key, .end = key + '\x01'}; }

std::string PartKey(const std::string& key, size_t part) {
  if (part == 0) {
    return key;
  }
  constexpr size_t kDigits = 4;
  const std::string number = std::to_string(part);
  return key + '\0' + std::string(kDigits - std::min(kDigits, number.size()), '0') + number;
}

void AddText(const std::string& text, std::string* bytes) {
  const auto length = static_cast<uint32_t>(text.size());
  for (size_t i = 0; i < kLengthBytes; ++i) {
    bytes->push_back(static_cast<char>((length >> (8 * i)) & 0xff));
  }
  *bytes += text;
}

std::optional<std::string> TakeText(std::string_view* bytes) {
  if (bytes->size() < kLengthBytes) {
    return std::nullopt;
  }
  size_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= static_cast<size_t>(static_cast<unsigned char>((*bytes)[i])) << (8 * i);
  }
  bytes->remove_prefix(kLengthBytes);
  if (bytes->size() < length) {
    return std::nullopt;
  }
  std::string text(bytes->substr(0, length));
  bytes->remove_prefix(length);
  return text;
}

// Sorted, and none touches another.
std::vector<KeyRange> Union(std::vector<KeyRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const KeyRange& a, const KeyRange& b) { return a.begin < b.begin; });
  std::vector<KeyRange> joined;
  for (KeyRange& range : ranges) {
    if (!joined.empty() && range.begin <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, range.end);
    } else {
      joined.push_back(std::move(range));
    }
  }
  return joined;
}

}  // namespace

std::vector<Operation> OperationsOf(const RecordChanges& changes, const std::string& base) {
  std::vector<KeyRange> cleared;
  for (const std::string& key : changes.removed) {
    cleared.push_back(AllParts(base + key));
  }
  for (const std::string& prefix : changes.removed_below) {
    cleared.push_back(PrefixRange(base + prefix));
  }
  std::map<std::string, std::string> puts;
  for (const auto& [key, value] : changes.put) {
    cleared.push_back(AllParts(base + key));
    size_t part = 0;
    do {
      puts[PartKey(base + key, part)] = value.substr(part * kMaxPartBytes, kMaxPartBytes);
      ++part;
    } while (part * kMaxPartBytes < value.size());
  }
  std::vector<Operation> operations;
  auto put = puts.begin();
  for (const KeyRange& range : Union(std::move(cleared))) {
    std::string from = range.begin;
    for (; put != puts.end() && put->first < range.end; ++put) {
      if (from < put->first) {
        operations.push_back({.keys = {.begin = from, .end = put->first}});
      }
      operations.push_back({.keys = {.begin = put->first}, .value = std::move(put->second)});
      from = put->first + '\0';
    }
    operations.push_back({.keys = {.begin = from, .end = range.end}});
  }
  return operations;
}

std::vector<std::vector<Operation>> Divide(std::vector<Operation> operations) {
  std::vector<std::vector<Operation>> transactions;
  size_t bytes = 0;
  for (Operation& operation : operations) {
    if (transactions.empty() || transactions.back().size() == kMaxTxnOperations ||
        bytes + operation.Bytes() > kMaxTxnBytes) {
      transactions.emplace_back();
      bytes = 0;
    }
    bytes += operation.Bytes();
    transactions.back().push_back(std::move(operation));
  }
  return transactions;
}

std::string Encode(const std::vector<Operation>& operations) {
  std::string bytes;
  for (const Operation& operation : operations) {
    bytes.push_back(operation.value ? kPut : kDelete);
    AddText(operation.keys.begin, &bytes);
    AddText(operation.value ? *operation.value : operation.keys.end, &bytes);
  }
  return bytes;
}

std::optional<std::vector<Operation>> Decode(const std::string& bytes) {
  std::vector<Operation> operations;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const char kind = rest.front();
    rest.remove_prefix(1);
    std::optional<std::string> key = TakeText(&rest);
    std::optional<std::string> second = key ? TakeText(&rest) : std::nullopt;
    if (!second || key->empty()) {
      return std::nullopt;
    }
    if (kind == kPut) {
      operations.push_back({.keys = {.begin = *std::move(key)}, .value = *std::move(second)});
    } else if (kind == kDelete) {
      operations.push_back({.keys = {.begin = *std::move(key), .end = *std::move(second)}});
    } else {
      return std::nullopt;
    }
  }
  return operations;
}

std::map<std::string, std::string> Join(std::vector<EtcdKeyValue> kvs, const std::string& base) {
  std::map<std::string, std::string> records;
  for (EtcdKeyValue& kv : kvs) {
    const size_t zero = std::min(kv.key.find('\0'), kv.key.size());
    records[kv.key.substr(base.size(), zero - base.size())] += kv.value;
  }
  return records;
}

}  // namespace cdc::etcd_changes
