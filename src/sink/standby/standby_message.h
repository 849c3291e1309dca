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

// One message for a queue of a standby, all but its stamp: the time that its base and each of its
// rows gets when it is sent.
struct StandbyMessage {
  int type = 0;               // the number of MsgType
  size_t rows = 0;            // of an insert or a delete
  std::vector<Payload> body;  // every field but base and timestamps
  size_t body_size = 0;

  // About as many bytes as it becomes.
  size_t Size() const { return body_size + rows * 9 + 64; }
};

// The messages that write `batch`, which belongs to one shard, and the channel they go to: an
// insert, a delete, or (an upsert) a delete of the keys and then the insert. The source's columns,
// row ids and generated keys pass through; ids and names become the target's.
//
// kNotFound: the target has no such partition. kFailedPrecondition: it has fewer shards.
// kInvalidArgument, kDataLoss: malformed messages.
struct StandbyRows {
  std::string pchannel;
  std::vector<StandbyMessage> messages;
};
Result<StandbyRows> EncodeStandbyRows(const RowBatch& batch, const StandbyLayout& layout);

// What tells the readers of the queue that nothing of the collection, or partition, follows.
StandbyMessage DropCollectionMessage(const CollectionName& name, CollectionId id);
StandbyMessage DropPartitionMessage(const CollectionName& name,
                                    CollectionId id,
                                    const std::string& partition,
                                    PartitionId partition_id);

// What of a request stands before its messages.
struct StandbyRequest {
  std::string pchannel;
  uint64_t begin = 0;  // the first stamp
  uint64_t end = 0;    // the last one: the time of the tick
};

// A ReplicateMessageRequest: `messages` with the stamps from `request.begin` on, one each, and a
// tick of the last.
std::vector<Payload> EncodeStandbyRequest(const StandbyRequest& request,
                                          const std::vector<const StandbyMessage*>& messages);

}  // namespace cdc
