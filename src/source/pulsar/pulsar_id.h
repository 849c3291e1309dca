#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "model/ids.h"

namespace cdc {

// The place of a record in a topic. Entries of a ledger are numbered without gaps.
struct PulsarId {
  int64_t ledger = 0;
  int64_t entry = 0;  // -1: before the ledger's first
  int32_t batch_index = 0;

  auto operator<=>(const PulsarId&) const = default;

  // "12:7", or "12:7:1" for the second record of a batch.
  std::string ToString() const;
};

// The bytes that Milvus stores; equal ids have equal bytes.
MsgId EncodePulsarId(const PulsarId& id);

// Accepts what any client writes: a record that is alone in its entry may have the index -1, 0 or
// none. kInvalidArgument: not a MessageIdData, or ledger or entry is missing or negative.
Result<PulsarId> DecodePulsarId(const MsgId& id);

// The same for ids as the library writes them, which may stand before the first entry.
Result<PulsarId> ParsePulsarId(const std::string& bytes);

// An id for the library to begin after: every record of a later entry, whatever is batched.
std::string BytesOfEntry(int64_t ledger, int64_t entry);

}  // namespace cdc
