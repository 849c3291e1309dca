#include "source/snapshot/snapshot_reader.h"

#include <string>
#include <utility>

namespace cdc {
namespace {

int64_t BytesOf(const Segment& segment, size_t set) {
  int64_t bytes = 0;
  for (const auto& [field, files] : segment.insert_logs) {
    bytes += set < files.size() ? files[set].bytes : 0;
  }
  return bytes;
}

}  // namespace

std::vector<ChannelPart> PartsOf(const ChannelSnapshot& channel) {
  std::vector<ChannelPart> parts;
  for (size_t i = 0; i < channel.segments.size(); ++i) {
    const Segment& segment = channel.segments[i];
    const auto times = segment.insert_logs.find(kTimestampField);
    if (times == segment.insert_logs.end()) {
      continue;  // without rows
    }
    for (size_t set = 0; set < times->second.size(); ++set) {
      parts.push_back({.id = times->second[set].id,
                       .rows = times->second[set].rows,
                       .bytes = BytesOf(segment, set),
                       .segment = i,
                       .set = set});
    }
  }
  return parts;
}

SnapshotReader::SnapshotReader(Storage* storage,
                               const SnapshotPlan* plan,
                               const ChannelSnapshot* channel,
                               ChannelPart part,
                               DeletedKeysCache* deletes,
                               RecordLimits limits)
    : storage_(storage),
      plan_(*plan),
      channel_(*channel),
      part_(part),
      deletes_(deletes),
      limits_(limits) {}

Result<std::optional<SnapshotRecord>> SnapshotReader::Next(const std::stop_token& stop) {
  if (stop.stop_requested()) {
    return CancelledError("stopped");
  }
  if (!reader_.has_value()) {
    CDC_RETURN_IF_ERROR(Begin(stop));
  }
  SnapshotRecord record;
  CDC_ASSIGN_OR_RETURN(std::optional<std::string> bytes, reader_->Next(&record.rows));
  if (!bytes.has_value()) {
    return std::optional<SnapshotRecord>();
  }
  record.payload = Payload::Own(*std::move(bytes));
  return std::optional<SnapshotRecord>(std::move(record));
}

Status SnapshotReader::Begin(const std::stop_token& stop) {
  const Segment& segment = channel_.segments[part_.segment];
  CDC_ASSIGN_OR_RETURN(deleted_, deletes_->Get(channel_, segment.partition, stop));
  until_stop_ = storage_->Until(stop);
  reader_.emplace(
      until_stop_.get(),
      RowPlace{.collection = plan_.collection,
               .partition = segment.partition,
               .partition_name = plan_.partitions.at(segment.partition),
               .segment = segment.id,
               .vchannel = channel_.vchannel},
      FileSet{.segment = &segment, .index = part_.set}, &plan_.columns,
      RowFilter{
          .oldest = channel_.oldest, .cut = channel_.takeover.time, .deleted = deleted_.get()},
      limits_);
  return OkStatus();
}

}  // namespace cdc
