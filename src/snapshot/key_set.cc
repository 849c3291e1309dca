#include "snapshot/key_set.h"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace cdc {
namespace {

// Spreads numbers, of which neighbours are likely, over all bits (the end of SplitMix64).
uint64_t Mix(uint64_t value) {
  value ^= value >> 30U;
  value *= 0xbf58476d1ce4e5b9U;
  value ^= value >> 27U;
  value *= 0x94d049bb133111ebU;
  return value ^ value >> 31U;
}

uint64_t HashOf(const PrimaryKey& key) {
  const auto* text = std::get_if<std::string>(&key);
  return Mix(text != nullptr ? std::hash<std::string_view>{}(*text)
                             : static_cast<uint64_t>(std::get<int64_t>(key)));
}

// What a text takes: short ones are inside the object, others in a block of the heap.
size_t BytesOf(const std::string& text) {
  constexpr size_t kInside = 15;
  constexpr size_t kBlock = 16;
  return sizeof(text) + (text.size() > kInside ? text.size() + kBlock : 0);
}

}  // namespace

bool KeyShare::Has(const PrimaryKey& key) const {
  return bits_ == 0 || (HashOf(key) & ((uint64_t{1} << bits_) - 1)) == ending_;
}

KeyShare KeyShare::Halve() {
  KeyShare other = *this;
  other.ending_ |= uint64_t{1} << bits_;
  ++other.bits_;
  ++bits_;
  return other;
}

void KeySet::Add(PartitionId partition, PrimaryKey key) {
  Keys& keys = keys_[partition];
  if (auto* text = std::get_if<std::string>(&key); text != nullptr) {
    bytes_ += BytesOf(*text);
    keys.texts.push_back(std::move(*text));
  } else {
    bytes_ += sizeof(int64_t);
    keys.numbers.push_back(std::get<int64_t>(key));
  }
}

void KeySet::Keep(const KeyShare& share) {
  for (auto& [partition, keys] : keys_) {
    bytes_ -= sizeof(int64_t) *
              std::erase_if(keys.numbers, [&share](int64_t key) { return !share.Has(key); });
    std::erase_if(keys.texts, [&share, this](const std::string& key) {
      if (share.Has(key)) {
        return false;
      }
      bytes_ -= BytesOf(key);
      return true;
    });
  }
}

void KeySet::Sort() {
  for (auto& [partition, keys] : keys_) {
    std::ranges::sort(keys.numbers);
    std::ranges::sort(keys.texts);
  }
}

bool KeySet::Contains(PartitionId partition, const PrimaryKey& key) const {
  const auto keys = keys_.find(partition);
  if (keys == keys_.end()) {
    return false;
  }
  const auto* text = std::get_if<std::string>(&key);
  return text != nullptr ? std::ranges::binary_search(keys->second.texts, *text)
                         : std::ranges::binary_search(keys->second.numbers, std::get<int64_t>(key));
}

}  // namespace cdc
