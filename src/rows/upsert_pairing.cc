#include "rows/upsert_pairing.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/status.h"

namespace cdc {
namespace {

// The keys of one message, as numbers or as views of its payload.
struct Keys {
  bool is_string = false;
  std::vector<uint64_t> numbers;
  std::vector<std::string_view> texts;
};

std::optional<Keys> ReadKeys(const Message& message, FieldId primary_key) {
  // A delete carries its keys in a field of their own, an insert as one of its columns.
  KeyColumn column = message.keys;
  if (message.type == MessageType::kInsert) {
    const auto at = std::find_if(message.columns.begin(), message.columns.end(),
                                 [&](const Column& c) { return c.field == primary_key; });
    if (at == message.columns.end()) {
      return std::nullopt;
    }
    column.is_string = at->type != DataType::kInt64;
    column.body = at->body;
  }
  Keys keys{.is_string = column.is_string, .numbers = {}, .texts = {}};
  // The hash of a number is the number itself, so comparing hashes compares the keys. Texts are
  // compared as they are, since two texts can have one hash.
  const bool readable = column.is_string ? AppendStringKeys(column, &keys.texts)
                                         : AppendKeyHashes(column, &keys.numbers);
  if (!readable) {
    return std::nullopt;
  }
  return keys;
}

// Maps keys to numbers. The keys of one collection are either all numbers or all texts.
class KeyMap {
 public:
  void Set(const Keys& keys, size_t value) {
    for (const uint64_t number : keys.numbers) {
      numbers_[number] = value;
    }
    for (const std::string_view text : keys.texts) {
      texts_[text] = value;
    }
  }

  // The largest number that `keys` map to; nullopt unless every key has one.
  std::optional<size_t> LargestIfAll(const Keys& keys) const {
    std::optional<size_t> largest;
    for (const uint64_t number : keys.numbers) {
      if (!Merge(numbers_.find(number), numbers_.end(), &largest)) {
        return std::nullopt;
      }
    }
    for (const std::string_view text : keys.texts) {
      if (!Merge(texts_.find(text), texts_.end(), &largest)) {
        return std::nullopt;
      }
    }
    return largest;
  }

 private:
  template <class Iterator>
  static bool Merge(Iterator found, Iterator end, std::optional<size_t>* largest) {
    if (found == end) {
      return false;
    }
    *largest = std::max(largest->value_or(0), found->second);
    return true;
  }

  std::unordered_map<uint64_t, size_t> numbers_;
  std::unordered_map<std::string_view, size_t> texts_;
};

// Pairs the messages of one ts, which hold both inserts and deletes.
void PairOneTime(std::span<const MessagePtr> rows,
                 FieldId primary_key,
                 std::vector<RowEvent>* events) {
  std::vector<RowEvent> inserts;
  std::vector<MessagePtr> deletes;
  KeyMap deleted;
  for (const MessagePtr& row : rows) {
    if (row->type == MessageType::kInsert) {
      inserts.push_back({.op = RowOp::kInsert, .message = row, .also = {}});
      continue;
    }
    deletes.push_back(row);
    if (const auto keys = ReadKeys(*row, primary_key)) {
      deleted.Set(*keys, 0);
    }
  }
  // Milvus writes a large upsert as several inserts and one delete, so keys are matched across the
  // messages and not message by message.
  KeyMap upserted;  // to the index in `inserts`
  for (size_t i = 0; i < inserts.size(); ++i) {
    const auto keys = ReadKeys(*inserts[i].message, primary_key);
    if (keys && deleted.LargestIfAll(*keys)) {
      inserts[i].op = RowOp::kUpsert;
      upserted.Set(*keys, i);
    }
  }
  for (const MessagePtr& row : deletes) {
    const auto keys = ReadKeys(*row, primary_key);
    const auto last = keys ? upserted.LargestIfAll(*keys) : std::nullopt;

    if (last) {
      inserts[*last].also.push_back(row);
    } else {
      events->push_back({.op = RowOp::kDelete, .message = row, .also = {}});
    }
  }
  std::move(inserts.begin(), inserts.end(), std::back_inserter(*events));
}

bool IsInsert(const MessagePtr& row) { return row->type == MessageType::kInsert; }

}  // namespace

std::vector<RowEvent> PairUpserts(std::span<const MessagePtr> rows, FieldId primary_key) {
  std::vector<RowEvent> events;
  events.reserve(rows.size());
  while (!rows.empty()) {
    const Timestamp ts = rows.front()->ts;
    const auto end = std::find_if(rows.begin(), rows.end(),
                                  [ts](const MessagePtr& row) { return row->ts != ts; });
    const auto same = rows.first(static_cast<size_t>(end - rows.begin()));
    rows = rows.subspan(same.size());
    CDC_CHECK(std::all_of(same.begin(), same.end(), [](const MessagePtr& row) {
      return IsInsert(row) || row->type == MessageType::kDelete;
    }));
    const auto inserts = std::count_if(same.begin(), same.end(), IsInsert);
    if (inserts != 0 && inserts != end - same.begin()) {
      PairOneTime(same, primary_key, &events);
      continue;
    }
    for (const MessagePtr& row : same) {
      events.push_back(
          {.op = inserts != 0 ? RowOp::kInsert : RowOp::kDelete, .message = row, .also = {}});
    }
  }
  return events;
}

}  // namespace cdc
