#include "rows/log_keys.h"

#include <utility>
#include <vector>

#include "wire/varint.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

// What is saved is a list of groups: 0 for numbers or 1 for texts, the partition, how many, and as
// many numbers, or texts with their lengths. All numbers are varints.
constexpr uint64_t kNumbers = 0;
constexpr uint64_t kTexts = 1;

// What an element of a set costs besides its value.
constexpr size_t kNodeBytes = 40;

Status Malformed() { return DataLossError("malformed primary keys"); }

void AppendGroup(
    uint64_t kind, PartitionId partition, size_t count, const std::string& keys, std::string* out) {
  if (count > 0) {
    wire::AppendVarint(kind, out);
    wire::AppendVarint(static_cast<uint64_t>(partition.value), out);
    wire::AppendVarint(count, out);
    out->append(keys);
  }
}

// Reads what is saved.
class SavedReader {
 public:
  explicit SavedReader(std::string_view saved) : at_(saved.data()), end_(at_ + saved.size()) {}

  bool at_end() const { return at_ == end_; }
  bool Number(uint64_t* value) {
    const char* behind = wire::ReadVarint(at_, end_, value);
    at_ = behind == nullptr ? at_ : behind;
    return behind != nullptr;
  }
  bool Text(std::string_view* text) {
    uint64_t size = 0;
    if (!Number(&size) || size > static_cast<uint64_t>(end_ - at_)) {
      return false;
    }
    *text = {at_, size};
    at_ += size;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

}  // namespace

bool LogKeys::OfPartition::AddNumber(uint64_t number, size_t* bytes) {
  const bool added = numbers.insert(number).second;
  *bytes += added ? kNodeBytes : 0;
  return added;
}

bool LogKeys::OfPartition::AddText(std::string_view text, size_t* bytes) {
  const bool added = texts.emplace(text).second;
  *bytes += added ? kNodeBytes + sizeof(std::string) + text.size() : 0;
  return added;
}

Status LogKeys::Add(PartitionId partition, const KeyColumn& keys) {
  OfPartition& known = partitions_[partition];
  std::string added;
  size_t count = 0;
  bool read = false;
  if (keys.is_string) {
    std::vector<std::string_view> texts;
    read = AppendStringKeys(keys, &texts);
    for (const std::string_view text : texts) {
      if (known.AddText(text, &bytes_)) {
        wire::AppendVarint(text.size(), &added);
        added += text;
        ++count;
      }
    }
  } else {
    std::vector<uint64_t> numbers;
    read = AppendKeyHashes(keys, &numbers);  // of numbers: themselves
    for (const uint64_t number : numbers) {
      if (known.AddNumber(number, &bytes_)) {
        wire::AppendVarint(number, &added);
        ++count;
      }
    }
  }
  AppendGroup(keys.is_string ? kTexts : kNumbers, partition, count, added, &added_);
  return read ? OkStatus() : Malformed();
}

Status LogKeys::Load(std::string_view saved) {
  SavedReader reader(saved);
  const auto damaged = [] { return DataLossError("the stored keys of a copy are damaged"); };
  while (!reader.at_end()) {
    uint64_t kind = 0;
    uint64_t partition = 0;
    uint64_t count = 0;
    if (!reader.Number(&kind) || !reader.Number(&partition) || !reader.Number(&count) ||
        kind > kTexts) {
      return damaged();
    }
    OfPartition& known = partitions_[PartitionId{static_cast<int64_t>(partition)}];
    for (; count > 0; --count) {
      uint64_t number = 0;
      std::string_view text;
      if (kind == kNumbers ? !reader.Number(&number) : !reader.Text(&text)) {
        return damaged();
      }
      if (kind == kNumbers) {
        known.AddNumber(number, &bytes_);
      } else {
        known.AddText(text, &bytes_);
      }
    }
  }
  return OkStatus();
}

const LogKeys::OfPartition* LogKeys::Find(PartitionId partition) const {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? nullptr : &found->second;
}

Result<std::string> LogKeys::Absent(PartitionId partition, const KeyColumn& keys) const {
  const OfPartition* const own = Find(partition);
  const OfPartition* const all = Find(kAllPartitions);
  std::string absent;
  if (keys.is_string) {
    std::vector<std::string_view> texts;
    if (!AppendStringKeys(keys, &texts)) {
      return Malformed();
    }
    for (const std::string_view text : texts) {
      const std::string key(text);
      const bool known = (own != nullptr && own->texts.contains(key)) ||
                         (all != nullptr && all->texts.contains(key));
      absent += known ? '\0' : '\1';
    }
    return absent;
  }
  std::vector<uint64_t> numbers;
  if (!AppendKeyHashes(keys, &numbers)) {
    return Malformed();
  }
  for (const uint64_t number : numbers) {
    const bool known = (own != nullptr && own->numbers.contains(number)) ||
                       (all != nullptr && all->numbers.contains(number));
    absent += known ? '\0' : '\1';
  }
  return absent;
}

const std::string& LogKeys::Unsaved() {
  saving_ += std::exchange(added_, {});
  return saving_;
}

}  // namespace cdc
