#include "snapshot/delete_record.h"

#include "wire/wire_writer.h"

namespace cdc {
namespace {

using wire::AppendBytesField;
using wire::AppendVarint;
using wire::AppendVarintField;

constexpr uint64_t kDeleteMessage = 401;  // common.MsgType
constexpr int kData = 1;                  // of schema.LongArray and schema.StringArray

// A schema.IDs.
std::string EncodeKeys(std::span<const PrimaryKey> keys) {
  const bool texts = std::holds_alternative<std::string>(keys.front());
  std::string numbers;
  std::string array;
  for (const PrimaryKey& key : keys) {
    if (texts) {
      AppendBytesField(kData, std::get<std::string>(key), &array);
    } else {
      AppendVarint(static_cast<uint64_t>(std::get<int64_t>(key)), &numbers);
    }
  }
  if (!texts) {
    AppendBytesField(kData, numbers, &array);
  }
  std::string ids;
  AppendBytesField(texts ? 2 : 1, array, &ids);
  return ids;
}

}  // namespace

std::string EncodeDeleteRecord(const DeletePlace& place, std::span<const PrimaryKey> keys) {
  std::string base;
  AppendVarintField(1, kDeleteMessage, &base);
  std::string times;
  for (size_t i = 0; i < keys.size(); ++i) {
    AppendVarint(place.time.value, &times);
  }
  std::string out;
  AppendBytesField(1, base, &out);
  AppendBytesField(2, place.vchannel, &out);
  AppendVarintField(7, static_cast<uint64_t>(place.collection.value), &out);
  AppendVarintField(8, static_cast<uint64_t>(place.partition.value), &out);
  AppendBytesField(10, times, &out);
  AppendVarintField(11, keys.size(), &out);
  AppendBytesField(12, EncodeKeys(keys), &out);
  return out;
}

}  // namespace cdc
