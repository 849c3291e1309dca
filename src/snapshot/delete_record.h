#pragma once

#include <span>
#include <string>

#include "model/ids.h"
#include "model/primary_key.h"

namespace cdc {

struct DeletePlace {
  CollectionId collection;
  PartitionId partition;  // or kAllPartitions
  std::string vchannel;
  Timestamp time;
};

// Writes a delete of `keys`, at least one, as the source's proxy writes it to a DML channel: a
// serialized msg.DeleteRequest.
std::string EncodeDeleteRecord(const DeletePlace& place, std::span<const PrimaryKey> keys);

}  // namespace cdc
