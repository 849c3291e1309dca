#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/ids.h"
#include "source/snapshot/segment.h"

// Decoders for the values of the data coordinator's keys. kDataLoss: the value does not fit its
// key.
namespace cdc {

// The file lists are only in records of old versions; otherwise they have keys of their own.
Result<Segment> DecodeSegment(CollectionId collection, SegmentId id, std::string_view value);

// The files of one field, sorted by id.
Result<std::vector<LogFile>> DecodeLogFiles(FieldId field, std::string_view value);

// Whether the job is one of `collection` that has neither completed nor failed.
Result<bool> IsOpenImportJob(CollectionId collection, std::string_view value);

// The partition's name; nullopt if it is not Created, e.g. being dropped.
Result<std::optional<std::string>> DecodePartitionName(PartitionId id, std::string_view value);

}  // namespace cdc
