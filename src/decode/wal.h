#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/status.h"
#include "model/message.h"
#include "model/wal_properties.h"

namespace cdc {

// The numbers of Milvus' messages.MessageType used here.
enum class WalType : int {
  kTimeTick = 1,
  kInsert = 2,
  kDelete = 3,
  kCreateCollection = 5,
  kDropCollection = 6,
  kDropPartition = 8,
  kImport = 11,
  kTruncateCollection = 38,
  kAlterWal = 700,
  kBeginTransaction = 900,
  kCommitTransaction = 901,
  kRollbackTransaction = 902,
};

// Whether it is known what messages of this type do: all of Milvus 2.6.8, and some later ones.
bool IsKnown(WalType type);

struct WalTransaction {
  int64_t id = 0;
  // If no message of it has come for this time, it was never committed. Negative: it has no limit.
  std::chrono::milliseconds keepalive{};
  bool operator==(const WalTransaction&) const = default;
};

// A message of the write-ahead log that Milvus 2.6, and 2.5 with its streaming service, have
// instead of the messages of DecodeMessage.
struct WalMessage {
  // Other numbers of Milvus are possible.
  WalType type{};
  // As of an earlier Milvus, but its `ts` is the time tick of the log. kOther: what has no
  // counterpart there; it has a collection if the message is about one. Its owner may change it.
  std::shared_ptr<Message> message;
  // What it belongs to: its rows count from the commit on, with the commit's time.
  std::optional<WalTransaction> transaction;
};

// Decodes one record of a channel of the write-ahead log. As with DecodeMessage, the message is
// consistent and its views point into `payload`.
//
// kFailedPrecondition: the version is not one of those known (0 to 2), the body is encrypted, or
// the log continues in another queue (AlterWAL).
// kDataLoss: malformed or inconsistent properties, or a body that DecodeMessage refuses.
Result<WalMessage> DecodeWalMessage(MsgId id, Payload payload, const WalProperties& properties);

}  // namespace cdc
