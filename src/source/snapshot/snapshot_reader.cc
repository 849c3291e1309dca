#include "source/snapshot/snapshot_reader.h"

#include <utility>

namespace cdc {

SnapshotReader::SnapshotReader(Storage* storage,
                               const SnapshotPlan& plan,
                               size_t channel,
                               RecordLimits limits)
    : storage_(storage),
      collection_(plan.collection),
      columns_(plan.columns),
      channel_(plan.channels[channel]),
      partitions_(plan.partitions),
      limits_(limits) {}

Result<std::optional<SnapshotRecord>> SnapshotReader::Next(const std::stop_token& stop) {
  while (true) {
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (segment_.has_value()) {
      SnapshotRecord record{.payload = {}, .segment = channel_.segments[next_ - 1].id.value};
      CDC_ASSIGN_OR_RETURN(std::optional<std::string> bytes, segment_->Next(&record.rows));
      if (bytes.has_value()) {
        record.payload = Payload::Own(*std::move(bytes));
        return std::optional<SnapshotRecord>(std::move(record));
      }
      segment_.reset();
    }
    if (next_ == channel_.segments.size()) {
      return std::optional<SnapshotRecord>();
    }
    CDC_RETURN_IF_ERROR(BeginSegment(stop));
  }
}

Status SnapshotReader::BeginSegment(const std::stop_token& stop) {
  const Segment& segment = channel_.segments[next_];
  if (deleted_in_ != segment.partition) {
    deleted_ = {};
    for (const Segment& deletes : channel_.deletes) {
      if (deletes.partition == segment.partition || deletes.partition == kAllPartitions) {
        CDC_RETURN_IF_ERROR(ReadDeleteLogs(*storage_, collection_, deletes, channel_.takeover.time,
                                           stop, &deleted_));
      }
    }
    deleted_in_ = segment.partition;
  }
  const RowPlace place{.collection = collection_,
                       .partition = segment.partition,
                       .partition_name = partitions_.at(segment.partition),
                       .segment = segment.id,
                       .vchannel = channel_.vchannel};
  const RowPeriod period{.oldest = channel_.oldest, .cut = channel_.takeover.time};
  segment_.emplace(storage_, place, segment, &columns_, &deleted_, period, limits_);
  ++next_;
  return OkStatus();
}

}  // namespace cdc
