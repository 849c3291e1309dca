#pragma once

#include <string>

#include "base/status.h"
#include "model/access.h"
#include "model/task.h"
#include "model/task_progress.h"

// The values of the records: JSON; positions are hexadecimal. Every Decode fails with kDataLoss,
// and its message quotes no value. What a key says (an id, a channel) is not in the value.
namespace cdc::record_values {

std::string Encode(const TaskRecord& task);
Result<TaskRecord> DecodeTask(const std::string& id, const std::string& value);

// Without log_keys.
std::string Encode(const ChannelCheckpoint& checkpoint);
Result<ChannelCheckpoint> DecodeCheckpoint(const std::string& channel, const std::string& value);

std::string Encode(const ReplicatedCollection& collection);
Result<ReplicatedCollection> DecodeCollection(CollectionId id, const std::string& value);

// Without segments.
std::string Encode(const SnapshotProgress& snapshot);
Result<SnapshotProgress> DecodeSnapshot(CollectionId id, const std::string& value);

std::string Encode(const AsideCollection& aside);
Result<AsideCollection> DecodeAside(CollectionId id, const std::string& value);

std::string Encode(const AccessSet& items);
Result<AccessSet> DecodeAccess(const std::string& value);

}  // namespace cdc::record_values
