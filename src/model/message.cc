#include "model/message.h"

#include <functional>

#include "wire/wire_reader.h"

namespace cdc {
namespace {

constexpr int kData = 1;  // of schema.LongArray and schema.StringArray

bool AppendInts(std::string_view packed, std::vector<uint64_t>* out) {
  PackedReader reader(packed);
  for (uint64_t value = 0; reader.Next(&value);) {
    out->push_back(value);
  }
  return !reader.malformed();
}

}  // namespace

bool AppendKeyHashes(const KeyColumn& keys, std::vector<uint64_t>* out) {
  WireReader reader(keys.body);
  while (reader.Next()) {
    if (reader.field() != kData) {
      return false;
    }
    if (reader.type() == WireType::kBytes) {
      if (keys.is_string) {
        out->push_back(std::hash<std::string_view>{}(reader.bytes()));
      } else if (!AppendInts(reader.bytes(), out)) {
        return false;
      }
    } else if (reader.type() == WireType::kVarint && !keys.is_string) {
      out->push_back(reader.number());
    } else {
      return false;
    }
  }
  return reader.status().ok();
}

bool AppendStringKeys(const KeyColumn& keys, std::vector<std::string_view>* out) {
  WireReader reader(keys.body);
  while (reader.Next()) {
    if (!keys.is_string || reader.field() != kData || reader.type() != WireType::kBytes) {
      return false;
    }
    out->push_back(reader.bytes());
  }
  return reader.status().ok();
}

}  // namespace cdc
