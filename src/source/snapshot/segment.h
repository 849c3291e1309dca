#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"
#include "source/checkpoint/log_place.h"

// What Milvus' data coordinator records about the stored rows of a collection.
namespace cdc {

using SegmentId = Id<struct SegmentTag>;

inline constexpr FieldId kRowIdField{0};
inline constexpr FieldId kTimestampField{1};
// Smaller ids belong to the system fields above.
inline constexpr FieldId kFirstUserField{100};

// The numbers of milvus.proto.common.SegmentState.
enum class SegmentState : int {
  kGrowing = 2,
  kSealed = 3,
  kFlushed = 4,
  kFlushing = 5,
  kDropped = 6,
  kImporting = 7,
};

// The numbers of milvus.proto.data.SegmentLevel.
enum class SegmentLevel : int {
  kLegacy = 0,
  kL0 = 1,  // holds deletes only
  kL1 = 2,
  kL2 = 3,
};

// One file of a segment, by the number that its path ends in.
struct LogFile {
  int64_t id = 0;
  int64_t rows = 0;
  int64_t bytes = 0;  // roughly: the size of the values or of the file, depending on its writer
  // The times of an insert log's rows; those of a delete log may be wider.
  Timestamp first;
  Timestamp last;
  bool operator==(const LogFile&) const = default;
};

struct Segment {
  SegmentId id;
  PartitionId partition;  // kAllPartitions: deletes (L0) for all of them
  std::string vchannel;
  int64_t rows = 0;  // in the saved files
  SegmentState state = SegmentState::kGrowing;
  SegmentLevel level = SegmentLevel::kLegacy;
  int64_t storage_version = 0;
  bool is_importing = false;              // by a bulk import that has not completed
  bool is_fake = false;                   // a placeholder without rows
  bool compacted = false;                 // dropped because its rows are in another segment
  std::vector<SegmentId> compacted_from;  // direct inputs
  std::optional<LogPlace> saved;          // the place up to which its rows are in files
  // Sorted by id. File i of each field holds the same rows in the same order.
  std::map<FieldId, std::vector<LogFile>> insert_logs;
  std::vector<LogFile> delete_logs;  // sorted by id
  bool operator==(const Segment&) const = default;
};

// The segments of one collection at one etcd revision.
struct SegmentCatalog {
  int64_t revision = 0;
  CollectionId collection;
  std::map<SegmentId, Segment> segments;
  // By vchannel: every row and delete up to this place is in the files above.
  std::map<std::string, LogPlace> checkpoints;
  std::map<PartitionId, std::string> partitions;  // the Created ones, with their names
  // A job of the bulk import (Milvus 2.4 or later) is neither completed nor failed. It may have no
  // segments yet.
  bool has_import_job = false;
};

}  // namespace cdc
