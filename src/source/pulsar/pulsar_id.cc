#include "source/pulsar/pulsar_id.h"

#include <algorithm>
#include <limits>

#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

// Field numbers of MessageIdData. Others (ack_set, batch_size, …) do not tell records apart.
constexpr int kLedger = 1;
constexpr int kEntry = 2;
constexpr int kPartition = 3;
constexpr int kBatchIndex = 4;

}  // namespace

std::string PulsarId::ToString() const {
  const std::string text = std::to_string(ledger) + ":" + std::to_string(entry);
  return batch_index == 0 ? text : text + ":" + std::to_string(batch_index);
}

MsgId EncodePulsarId(const PulsarId& id) {
  MsgId bytes;
  wire::AppendVarintField(kLedger, static_cast<uint64_t>(id.ledger), &bytes.bytes);
  wire::AppendVarintField(kEntry, static_cast<uint64_t>(id.entry), &bytes.bytes);
  wire::AppendVarintField(kPartition, 0, &bytes.bytes);
  wire::AppendVarintField(kBatchIndex, static_cast<uint64_t>(id.batch_index), &bytes.bytes);
  return bytes;
}

Result<PulsarId> ParsePulsarId(const std::string& bytes) {
  PulsarId id;
  bool has_ledger = false;
  bool has_entry = false;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.type() != WireType::kVarint) {
      continue;
    }
    const auto number = static_cast<int64_t>(reader.number());
    switch (reader.field()) {
      case kLedger:
        id.ledger = number;
        has_ledger = true;
        break;
      case kEntry:
        id.entry = number;
        has_entry = true;
        break;
      case kBatchIndex:
        id.batch_index = static_cast<int32_t>(
            std::clamp<int64_t>(number, 0, std::numeric_limits<int32_t>::max()));
        break;
      default: break;
    }
  }
  if (!reader.status().ok() || !has_ledger || !has_entry) {
    return InvalidArgumentError("not a Pulsar position: " + std::to_string(bytes.size()) +
                                " bytes; a task that began on another queue must be created again");
  }
  return id;
}

Result<PulsarId> DecodePulsarId(const MsgId& id) {
  CDC_ASSIGN_OR_RETURN(const PulsarId decoded, ParsePulsarId(id.bytes));
  if (decoded.ledger < 0 || decoded.entry < 0) {
    return InvalidArgumentError("a Pulsar position is not negative: " + decoded.ToString());
  }
  return decoded;
}

std::string BytesOfEntry(int64_t ledger, int64_t entry) {
  std::string bytes;
  wire::AppendVarintField(kLedger, static_cast<uint64_t>(ledger), &bytes);
  wire::AppendVarintField(kEntry, static_cast<uint64_t>(entry), &bytes);
  return bytes;
}

}  // namespace cdc
