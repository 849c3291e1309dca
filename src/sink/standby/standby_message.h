#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/message.h"
#include "model/rows.h"
#include "sink/standby/standby_layout.h"

namespace cdc {

// One message for a queue of a standby, without its stamp: the time of its base and of each of its
// rows, which is known only when it is sent.
struct StandbyMessage {
  int type = 0;               // a MsgType
  size_t rows = 0;            // of an insert or a delete
  std::vector<Payload> body;  // every field but base and timestamps
  size_t body_size = 0;

  // Its approximate size when it is sent.
  size_t Size() const { return body_size + rows * 9 + 64; }
};

struct StandbyRows {
  std::string pchannel;  // where the messages go
  std::vector<StandbyMessage> messages;
};

// Encodes `batch`, which belongs to one shard: an insert, a delete, or for an upsert a delete of
// the keys followed by the insert. The source's columns, row ids and generated keys pass through;
// ids and names become the target's.
//
// kNotFound: the target has no such partition. kFailedPrecondition: it has fewer shards.
// kInvalidArgument, kDataLoss: malformed messages.
Result<StandbyRows> EncodeStandbyRows(const RowBatch& batch, const StandbyLayout& layout);

// Tells the readers of a queue that no more messages of the collection, or partition, will follow.
StandbyMessage DropCollectionMessage(const CollectionName& name, CollectionId id);
StandbyMessage DropPartitionMessage(const CollectionName& name,
                                    CollectionId id,
                                    const std::string& partition,
                                    PartitionId partition_id);

// The part of a ReplicateMessageRequest that precedes its messages.
struct StandbyRequest {
  std::string pchannel;
  uint64_t begin = 0;  // the first stamp
  uint64_t end = 0;    // the last stamp, and the time of the tick
};

// Encodes a ReplicateMessageRequest: `messages`, stamped one by one from `request.begin` on, and a
// tick at `request.end`.
std::vector<Payload> EncodeStandbyRequest(const StandbyRequest& request,
                                          const std::vector<const StandbyMessage*>& messages);

}  // namespace cdc
