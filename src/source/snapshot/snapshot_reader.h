#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/status.h"
#include "source/snapshot/deleted_keys.h"
#include "source/snapshot/deleted_keys_cache.h"
#include "source/snapshot/segment_reader.h"
#include "source/snapshot/snapshot_plan.h"
#include "source/snapshot_source.h"
#include "source/storage/storage.h"

namespace cdc {

// A set of files of one of a channel's segments: what is read as a whole.
struct ChannelPart {
  // The number of its file of timestamps, which the source gave to no other file or segment.
  int64_t id = 0;
  int64_t rows = 0;
  int64_t bytes = 0;   // roughly
  size_t segment = 0;  // of the channel's
  size_t set = 0;      // of the segment's
};

// All parts of `channel`, in the order of the plan and of their numbers.
std::vector<ChannelPart> PartsOf(const ChannelSnapshot& channel);

// Reads the stored rows of one part. Use it from one thread at a time.
//
// Memory: a few pages of each field; the deleted keys are in the cache.
class SnapshotReader final : public SnapshotRows {
 public:
  // `storage`, `plan` with its `channel`, and `deletes` must outlive it.
  SnapshotReader(Storage* storage,
                 const SnapshotPlan* plan,
                 const ChannelSnapshot* channel,
                 ChannelPart part,
                 DeletedKeysCache* deletes,
                 RecordLimits limits = {});

  SnapshotReader(const SnapshotReader&) = delete;
  SnapshotReader& operator=(const SnapshotReader&) = delete;

  // The next record; nullopt at the end. Must not be called again after an error, nor with another
  // `stop`.
  //
  // kNotFound: a file is gone: the source has compacted the segment and removed its files. Plan
  // again with `fixed` at this plan's takeover; what was delivered of the segment is delivered
  // again as part of another. kDataLoss: a damaged file. kFailedPrecondition: an encrypted file, or
  // one of an unknown version or type. kCancelled: stopped. Others: see Storage. Messages name the
  // file.
  Result<std::optional<SnapshotRecord>> Next(const std::stop_token& stop) override;

 private:
  Status Begin(const std::stop_token& stop);

  Storage* const storage_;
  std::unique_ptr<Storage> until_stop_;  // the same
  const SnapshotPlan& plan_;
  const ChannelSnapshot& channel_;
  const ChannelPart part_;
  DeletedKeysCache* const deletes_;
  const RecordLimits limits_;
  std::shared_ptr<const DeletedKeys> deleted_;
  std::optional<SegmentReader> reader_;
};

}  // namespace cdc
