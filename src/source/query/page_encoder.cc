#include "source/query/page_encoder.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "source/query/key_hash.h"
#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using wire::AppendBytesField;
using wire::AppendBytesHeader;
using wire::AppendVarint;
using wire::AppendVarintField;
using wire::VarintSize;

constexpr char kDynamicField[] = "$meta";

// "_default_12" is number 12.
size_t NumberOf(const std::string& partition) {
  size_t number = std::numeric_limits<size_t>::max();
  const char* end = partition.data() + partition.size();
  const char* begin = partition.data() + std::min(partition.rfind('_') + 1, partition.size());
  return std::from_chars(begin, end, number).ptr == end ? number
                                                        : std::numeric_limits<size_t>::max();
}

// Without function outputs: no query returns them, and a target computes them itself. Partitions of
// keys are found by the partition key.
std::vector<Field> QueriedFields(const Schema& schema, PageEncoder::Content content) {
  const bool all = content == PageEncoder::Content::kRows;
  std::vector<Field> fields;
  for (const Field& field : schema.fields) {
    if (all ? !field.is_function_output : field.is_primary_key || field.is_partition_key) {
      fields.push_back(field);
    }
  }
  if (all && schema.enable_dynamic_field) {
    fields.push_back(
        {.id = {}, .name = kDynamicField, .type = DataType::kJson, .is_dynamic = true});
  }
  return fields;
}

std::string IntegerLiteral(int64_t value) {
  // Milvus parses the digits before it negates them, and these would exceed the largest number.
  return value == std::numeric_limits<int64_t>::min() ? std::to_string(value + 1) + "-1"
                                                      : std::to_string(value);
}

std::string TextLiteral(std::string_view text) {
  std::string literal = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': literal += "\\\""; break;
      case '\\': literal += "\\\\"; break;
      case '\n': literal += "\\n"; break;
      case '\r': literal += "\\r"; break;
      case '\t': literal += "\\t"; break;
      default: literal += c;
    }
  }
  return literal + "\"";
}

template <class Key>
std::vector<uint32_t> HashesOf(const std::vector<Key>& keys) {
  std::vector<uint32_t> hashes;
  hashes.reserve(keys.size());
  for (const Key& key : keys) {
    hashes.push_back(HashKey(key));
  }
  return hashes;
}

Result<std::vector<uint32_t>> HashColumn(const AnswerColumn& column, DataType type) {
  if (type == DataType::kInt64) {
    CDC_ASSIGN_OR_RETURN(const std::vector<int64_t> keys, IntegersOf(column));
    return HashesOf(keys);
  }
  CDC_ASSIGN_OR_RETURN(const std::vector<std::string_view> keys, TextsOf(column));
  return HashesOf(keys);
}

template <class Key>
bool AreRising(const std::vector<Key>& keys) {
  return std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>()) == keys.end();
}

// The literal of the last key, which is the largest.
Result<std::string> LastKey(const AnswerColumn& column, DataType type) {
  constexpr const char* kUnsorted =
      "the answer to a query with a limit is not sorted by key, so there is no next page; this "
      "version of Milvus cannot be read by queries";
  if (type == DataType::kInt64) {
    CDC_ASSIGN_OR_RETURN(const std::vector<int64_t> keys, IntegersOf(column));
    return AreRising(keys) ? Result<std::string>(IntegerLiteral(keys.back()))
                           : DataLossError(kUnsorted);
  }
  CDC_ASSIGN_OR_RETURN(const std::vector<std::string_view> keys, TextsOf(column));
  return AreRising(keys) ? Result<std::string>(TextLiteral(keys.back())) : DataLossError(kUnsorted);
}

}  // namespace

PageEncoder::PageEncoder(const Collection& collection,
                         std::map<std::string, Timestamp> times,
                         Content content)
    : collection_(collection.id),
      vchannels_(collection.vchannels),
      times_(std::move(times)),
      content_(content),
      fields_(QueriedFields(collection.schema, content)) {
  for (size_t i = 0; i < fields_.size(); ++i) {
    key_ = fields_[i].is_primary_key ? i : key_;
    partition_key_ = fields_[i].is_partition_key ? i : partition_key_;
  }
  if (collection.schema.HasPartitionKey()) {
    numbered_partitions_ = collection.partitions;
    std::ranges::sort(numbered_partitions_, {},
                      [](const Partition& each) { return NumberOf(each.name); });
  }
}

std::vector<std::string> PageEncoder::fields() const {
  std::vector<std::string> names;
  names.reserve(fields_.size());
  for (const Field& field : fields_) {
    names.push_back(field.name);
  }
  return names;
}

std::string PageEncoder::all_rows() const {
  const Field& key = fields_[key_];
  return key.name + " >= " +
         (key.type == DataType::kInt64 ? IntegerLiteral(std::numeric_limits<int64_t>::min())
                                       : TextLiteral(""));
}

// In the order of `fields_`, all with the same number of rows.
Result<std::vector<AnswerColumn>> PageEncoder::ReadColumns(
    const std::vector<std::string_view>& columns) const {
  std::vector<AnswerColumn> read;
  for (const std::string_view bytes : columns) {
    CDC_ASSIGN_OR_RETURN(read.emplace_back(), ReadAnswerColumn(bytes));
  }
  std::vector<AnswerColumn> sorted;
  for (const Field& field : fields_) {
    const auto found = std::ranges::find(read, field.name, &AnswerColumn::name);
    if (found == read.end()) {
      return DataLossError("the answer has no column " + field.name);
    }
    sorted.push_back(std::move(*found));
    found->name = {};
  }
  for (const AnswerColumn& column : sorted) {
    if (column.values.size() != sorted.front().values.size()) {
      return DataLossError("columns with different numbers of rows: " +
                           std::string(sorted.front().name) + " and " + std::string(column.name));
    }
  }
  return sorted;
}

Result<std::vector<const Partition*>> PageEncoder::PartitionsOf(const AnswerColumn& column) const {
  CDC_ASSIGN_OR_RETURN(const std::vector<uint32_t> hashes,
                       HashColumn(column, fields_[partition_key_].type));
  std::vector<const Partition*> partitions;
  partitions.reserve(hashes.size());
  for (const uint32_t hash : hashes) {
    const size_t number = hash % std::max<size_t>(numbered_partitions_.size(), 1);
    if (number >= numbered_partitions_.size() ||
        NumberOf(numbered_partitions_[number].name) != number) {
      return FailedPreconditionError("the collection has no partition with number " +
                                     std::to_string(number));
    }
    partitions.push_back(&numbered_partitions_[number]);
  }
  return partitions;
}

Result<PageEncoder::Page> PageEncoder::Encode(const std::vector<std::string_view>& columns,
                                              const Partition* partition) const {
  Page page;
  if (columns.empty()) {
    return page;
  }
  CDC_ASSIGN_OR_RETURN(const std::vector<AnswerColumn> read, ReadColumns(columns));
  page.rows = read.front().values.size();
  if (page.rows == 0) {
    return page;
  }
  const Field& key = fields_[key_];
  CDC_ASSIGN_OR_RETURN(const std::string last, LastKey(read[key_], key.type));
  page.rest = key.name + " > " + last;
  CDC_ASSIGN_OR_RETURN(const std::vector<uint32_t> hashes, HashColumn(read[key_], key.type));
  std::vector<const Partition*> partitions(page.rows, partition);
  if (partition == nullptr) {
    CDC_ASSIGN_OR_RETURN(partitions, PartitionsOf(read[partition_key_]));
  }
  struct Pending {
    std::vector<uint32_t> rows;
    size_t bytes = 0;
  };
  std::map<Place, Pending> pending;
  const auto finish = [&](const Place& place, Pending* rows) {
    page.records.push_back({.bytes = EncodeRecord(place, read, rows->rows),
                            .rows = static_cast<uint32_t>(rows->rows.size()),
                            .vchannel = vchannels_[place.shard]});
    *rows = {};
  };
  for (uint32_t row = 0; row < page.rows; ++row) {
    const Place place{.shard = hashes[row] % vchannels_.size(), .partition = partitions[row]};
    Pending& rows = pending[place];
    rows.rows.push_back(row);
    for (const AnswerColumn& column : read) {
      rows.bytes += column.values[row].size();
    }
    if (rows.bytes >= kRecordBytes) {
      finish(place, &rows);
    }
  }
  for (auto& [place, rows] : pending) {
    if (!rows.rows.empty()) {
      finish(place, &rows);
    }
  }
  return page;
}

std::string PageEncoder::EncodeRecord(const Place& place,
                                      const std::vector<AnswerColumn>& columns,
                                      const std::vector<uint32_t>& rows) const {
  constexpr uint64_t kInsertMessage = 400;  // common.MsgType
  constexpr uint64_t kColumnBased = 1;      // msg.InsertDataVersion
  const std::string& vchannel = vchannels_[place.shard];
  std::string base;
  AppendVarintField(1, kInsertMessage, &base);
  std::string out;
  AppendBytesField(1, base, &out);
  AppendBytesField(2, vchannel, &out);
  AppendBytesField(5, place.partition->name, &out);
  AppendVarintField(7, static_cast<uint64_t>(collection_.value), &out);
  AppendVarintField(8, static_cast<uint64_t>(place.partition->id.value), &out);
  const uint64_t time = times_.at(vchannel).value;
  AppendBytesHeader(10, VarintSize(time) * rows.size(), &out);
  for (size_t i = 0; i < rows.size(); ++i) {
    AppendVarint(time, &out);
  }
  for (size_t i = 0; i < fields_.size(); ++i) {
    Field field = fields_[i];
    if (content_ == Content::kKeys && i != key_) {
      continue;
    }
    if (field.is_dynamic) {
      field.id = {columns[i].field};  // the schema has only a flag
    }
    AppendColumn(field, columns[i], rows, &out);
  }
  AppendVarintField(14, rows.size(), &out);
  AppendVarintField(15, kColumnBased, &out);
  return out;
}

}  // namespace cdc
