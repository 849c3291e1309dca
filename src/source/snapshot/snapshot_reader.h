#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ids.h"
#include "model/message.h"
#include "source/snapshot/deleted_keys.h"
#include "source/snapshot/segment_reader.h"
#include "source/snapshot/snapshot_plan.h"
#include "source/snapshot_source.h"
#include "source/storage/storage.h"

namespace cdc {

// Reads the stored rows of one vchannel, segment by segment in the order of the plan. To resume,
// leave out the plan's segments that are done. Use it from one thread at a time.
//
// Memory: the deleted keys of one partition, and a few pages of each field.
class SnapshotReader final : public SnapshotRows {
 public:
  // `storage` must outlive it. `channel`: the index in the plan.
  SnapshotReader(Storage* storage,
                 const SnapshotPlan& plan,
                 size_t channel,
                 RecordLimits limits = {});

  SnapshotReader(const SnapshotReader&) = delete;
  SnapshotReader& operator=(const SnapshotReader&) = delete;

  // The next record; nullopt at the end. Must not be called again after an error.
  //
  // kNotFound: a file is gone: the source has compacted the segment and removed its files. Plan
  // again with `fixed` at this reader's takeover; what was delivered of the segment is delivered
  // again as part of another. kDataLoss: a damaged file. kFailedPrecondition: an encrypted file, or
  // one of an unknown version or type. kCancelled: stopped. Others: see Storage. Messages name the
  // file.
  Result<std::optional<SnapshotRecord>> Next(const std::stop_token& stop) override;

 private:
  Status BeginSegment(const std::stop_token& stop);

  Storage* const storage_;
  const CollectionId collection_;
  const std::vector<Field> columns_;
  const ChannelSnapshot channel_;
  const std::map<PartitionId, std::string> partitions_;
  const RecordLimits limits_;
  size_t next_ = 0;  // of `channel_.segments`
  std::optional<PartitionId> deleted_in_;
  DeletedKeys deleted_;
  std::optional<SegmentReader> segment_;
};

}  // namespace cdc
