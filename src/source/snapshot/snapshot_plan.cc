#include "source/snapshot/snapshot_plan.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "source/checkpoint/channel_checkpoint.h"
#include "source/snapshot/field_layout.h"
#include "source/snapshot/segment_family.h"
#include "source/snapshot/segment_files_check.h"

namespace cdc {
namespace {

Result<LogPlace> Checkpoint(const Collection& collection,
                            const SegmentCatalog& catalog,
                            size_t shard) {
  const std::string& vchannel = collection.vchannels[shard];
  const auto found = catalog.checkpoints.find(vchannel);
  if (found != catalog.checkpoints.end()) {
    return found->second;
  }
  for (const auto& [id, segment] : catalog.segments) {
    if (segment.vchannel == vchannel && segment.rows > 0) {
      return FailedPreconditionError(
          "the source has rows but no checkpoint, flush the collection once: segment " +
          std::to_string(id.value));
    }
  }
  return CollectionBeginning(collection, shard);
}

Result<LogPlace> TakeoverOf(const std::map<std::string, LogPlace>& fixed,
                            const std::string& vchannel,
                            const LogPlace& checkpoint) {
  const auto found = fixed.find(vchannel);
  if (found == fixed.end()) {
    return checkpoint;
  }
  if (checkpoint.time < found->second.time) {
    return UnavailableError("the source has not saved all rows yet: checkpoint " +
                            std::to_string(checkpoint.time.value) + " < " +
                            std::to_string(found->second.time.value));
  }
  return found->second;
}

// A bulk import gives all its rows one time, which may be above the checkpoint although they never
// were in the log. A normal segment that looks like one costs a wait of some minutes at most.
bool MayBeImportAbove(const Segment& segment, Timestamp checkpoint) {
  const auto times = segment.insert_logs.find(kTimestampField);
  if (times == segment.insert_logs.end() || times->second.empty() ||
      (segment.state != SegmentState::kFlushing && segment.state != SegmentState::kFlushed)) {
    return false;
  }
  const Timestamp time = times->second.front().first;
  return time > checkpoint && std::ranges::all_of(times->second, [time](const LogFile& file) {
           return file.first == time && file.last == time;
         });
}

// collection.ttl.seconds; 0: rows live for ever.
int64_t TtlSeconds(const Collection& collection) {
  for (const KeyValue& property : collection.properties) {
    int64_t seconds = 0;
    const char* end = property.value.data() + property.value.size();
    if (property.key == "collection.ttl.seconds" &&
        std::from_chars(property.value.data(), end, seconds).ec == std::errc()) {
      return std::max<int64_t>(seconds, 0);
    }
  }
  return 0;
}

Timestamp Oldest(const Collection& collection, Timestamp now) {
  constexpr int64_t kMsPerSecond = 1000;
  const int64_t ttl = TtlSeconds(collection);
  if (ttl == 0 || ttl > now.UnixMs() / kMsPerSecond) {
    return {};
  }
  return Timestamp::FromUnixMs(now.UnixMs() - ttl * kMsPerSecond);
}

// Deletes stay: every entry of a delete log is true wherever it lies.
void KeepPartitions(const std::set<std::string>& wanted,
                    const SegmentCatalog& catalog,
                    ChannelSnapshot* channel) {
  std::erase_if(channel->segments, [&](const Segment& segment) {
    const auto partition = catalog.partitions.find(segment.partition);
    return partition == catalog.partitions.end() || !wanted.contains(partition->second);
  });
}

// The field ids of the files name the dynamic field, which the schema has as a flag only.
Result<std::optional<FieldId>> DynamicField(const Schema& schema,
                                            const std::vector<ChannelSnapshot>& channels) {
  std::set<FieldId> known;
  for (const Field& field : schema.fields) {
    known.insert(field.id);
  }
  std::optional<FieldId> dynamic;
  for (const ChannelSnapshot& channel : channels) {
    for (const Segment& segment : channel.segments) {
      for (const auto& [id, files] : segment.insert_logs) {
        if (id < kFirstUserField || known.contains(id) || dynamic == id) {
          continue;
        }
        if (!schema.enable_dynamic_field || dynamic.has_value()) {
          return FailedPreconditionError(
              "segment " + std::to_string(segment.id.value) +
              " has a field that is not in the schema: " + std::to_string(id.value));
        }
        dynamic = id;
      }
    }
  }
  return dynamic;
}

Result<std::vector<Field>> Columns(const Schema& schema,
                                   const std::vector<ChannelSnapshot>& channels) {
  std::vector<Field> columns = schema.fields;
  CDC_ASSIGN_OR_RETURN(const std::optional<FieldId> dynamic, DynamicField(schema, channels));
  if (dynamic.has_value()) {
    columns.push_back(
        {.id = *dynamic, .name = "$meta", .type = DataType::kJson, .is_dynamic = true});
  }
  for (const Field& column : columns) {
    if (const Status status = LayoutOf(column).status(); !status.ok()) {
      return Status(status.code(), status.message() +
                                       ": create the task with start_from earliest, or with this "
                                       "collection in `exclude`");
    }
  }
  return columns;
}

Result<ChannelSnapshot> PlanChannel(const Collection& collection,
                                    const SegmentCatalog& catalog,
                                    const std::map<std::string, LogPlace>& fixed,
                                    size_t shard) {
  ChannelSnapshot channel{.vchannel = collection.vchannels[shard]};
  CDC_ASSIGN_OR_RETURN(const LogPlace checkpoint, Checkpoint(collection, catalog, shard));
  CDC_ASSIGN_OR_RETURN(channel.takeover, TakeoverOf(fixed, channel.vchannel, checkpoint));
  channel.oldest = Oldest(collection, channel.takeover.time);
  for (const auto& [id, segment] : catalog.segments) {
    const bool partition_exists = catalog.partitions.contains(segment.partition);
    if (segment.vchannel != channel.vchannel || !IsStored(segment) ||
        !(partition_exists || segment.partition == kAllPartitions)) {
      continue;
    }
    CDC_RETURN_IF_ERROR(CheckFormat(segment));
    // Every entry of a delete log is true wherever it lies: also in a segment that stands for
    // others here.
    channel.deletes.push_back(segment);
    CDC_ASSIGN_OR_RETURN(const bool holds_rows, HoldsRows(catalog, segment));
    if (!holds_rows) {
      continue;
    }
    CDC_RETURN_IF_ERROR(CheckFiles(collection.schema, segment));
    if (MayBeImportAbove(segment, checkpoint.time)) {
      return Status(StatusCode::kAborted,
                    "waiting for the checkpoint to pass what may be a bulk import, of " +
                        std::to_string(id.value));
    }
    if (segment.rows > 0) {
      channel.segments.push_back(segment);
    }
  }
  std::ranges::sort(channel.segments, {}, [](const Segment& segment) {
    return std::tuple(segment.partition, segment.rows, segment.id);
  });
  return channel;
}

void Sum(SnapshotPlan* plan) {
  for (const ChannelSnapshot& channel : plan->channels) {
    for (const Segment& segment : channel.segments) {
      plan->rows += segment.rows;
      for (const auto& [id, files] : segment.insert_logs) {
        for (const LogFile& file : files) {
          plan->bytes += file.bytes;
        }
      }
    }
  }
}

}  // namespace

Result<SnapshotPlan> PlanSnapshot(const Collection& collection,
                                  const SegmentCatalog& catalog,
                                  const std::map<std::string, LogPlace>& fixed,
                                  const std::set<std::string>& partitions) {
  SnapshotPlan plan{
      .collection = collection.id, .revision = catalog.revision, .partitions = catalog.partitions};
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    Result<ChannelSnapshot> channel = PlanChannel(collection, catalog, fixed, shard);
    if (!channel.ok()) {
      return channel.status().WithContext("channel " + collection.vchannels[shard]);
    }
    if (!partitions.empty()) {
      KeepPartitions(partitions, catalog, &*channel);
    }
    plan.channels.push_back(*std::move(channel));
  }
  CDC_ASSIGN_OR_RETURN(plan.columns, Columns(collection.schema, plan.channels));
  plan.importing =
      catalog.has_import_job || std::ranges::any_of(catalog.segments, [](const auto& entry) {
        const Segment& segment = entry.second;
        return segment.is_importing || segment.state == SegmentState::kImporting;
      });
  Sum(&plan);
  return plan;
}

}  // namespace cdc
