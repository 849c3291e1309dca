#include "source/snapshot/segment_record.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "milvus_meta.pb.h"

namespace cdc {
namespace {

// What a removed record of the root coordinator holds instead of a value.
constexpr std::string_view kTombstone = "\xE2\x9B\xBC";

template <class Message>
bool Parse(std::string_view value, Message* message) {
  return message->ParseFromArray(value.data(), static_cast<int>(value.size()));
}

Status Malformed(const char* what) { return DataLossError(std::string("not a ") + what); }

LogPlace ToPlace(const meta::MsgPosition& in) {
  return {.position = MsgId{in.msgid()}, .time = Timestamp{in.timestamp()}};
}

Result<LogFile> ToFile(const meta::Binlog& in) {
  LogFile file{.id = in.logid(),
               .rows = in.entries_num(),
               .bytes = in.log_size(),
               .first = Timestamp{in.timestamp_from()},
               .last = Timestamp{in.timestamp_to()}};
  if (file.id == 0) {  // of an old version, which stored the path
    std::string_view name = in.log_path();
    if (const size_t slash = name.rfind('/'); slash != std::string_view::npos) {
      name.remove_prefix(slash + 1);
    }
    const char* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data(), end, file.id);
    if (error != std::errc() || rest != end) {
      return Malformed("Binlog: it has neither a log id nor a path that ends in one");
    }
  }
  if (file.rows < 0) {
    return Malformed("Binlog: its number of rows is negative");
  }
  return file;
}

Result<std::vector<LogFile>> ToFiles(const meta::FieldBinlog& in) {
  std::vector<LogFile> files;
  files.reserve(static_cast<size_t>(in.binlogs_size()));
  for (const meta::Binlog& binlog : in.binlogs()) {
    CDC_ASSIGN_OR_RETURN(files.emplace_back(), ToFile(binlog));
  }
  std::ranges::sort(files, {}, &LogFile::id);
  return files;
}

Status ReadInlineLogs(const meta::SegmentInfo& info, Segment* segment) {
  for (const meta::FieldBinlog& logs : info.binlogs()) {
    CDC_ASSIGN_OR_RETURN(segment->insert_logs[FieldId{logs.fieldid()}], ToFiles(logs));
  }
  for (const meta::FieldBinlog& logs : info.deltalogs()) {
    CDC_ASSIGN_OR_RETURN(const std::vector<LogFile> files, ToFiles(logs));
    segment->delete_logs.insert(segment->delete_logs.end(), files.begin(), files.end());
  }
  return OkStatus();
}

}  // namespace

Result<Segment> DecodeSegment(CollectionId collection, SegmentId id, std::string_view value) {
  meta::SegmentInfo info;
  if (!Parse(value, &info) || info.id() != id.value || info.collectionid() != collection.value ||
      info.insert_channel().empty()) {
    return Malformed("SegmentInfo");
  }
  Segment segment{.id = id,
                  .partition = PartitionId{info.partitionid()},
                  .vchannel = info.insert_channel(),
                  .rows = info.num_of_rows(),
                  .state = static_cast<SegmentState>(info.state()),
                  .level = static_cast<SegmentLevel>(info.level()),
                  .storage_version = info.storage_version(),
                  .is_importing = info.is_importing(),
                  .is_fake = info.is_fake(),
                  .compacted = info.compacted()};
  for (const int64_t input : info.compactionfrom()) {
    segment.compacted_from.push_back(SegmentId{input});
  }
  if (info.has_dml_position()) {
    segment.saved = ToPlace(info.dml_position());
  }
  CDC_RETURN_IF_ERROR(ReadInlineLogs(info, &segment));
  return segment;
}

Result<std::vector<LogFile>> DecodeLogFiles(FieldId field, std::string_view value) {
  meta::FieldBinlog logs;
  if (!Parse(value, &logs) || logs.fieldid() != field.value) {
    return Malformed("FieldBinlog");
  }
  return ToFiles(logs);
}

Result<bool> IsOpenImportJob(CollectionId collection, std::string_view value) {
  constexpr int kFailed = 4;
  constexpr int kCompleted = 5;
  meta::ImportJob job;
  if (!Parse(value, &job) || job.collectionid() == 0) {
    return Malformed("ImportJob");
  }
  return job.collectionid() == collection.value && job.state() != kFailed &&
         job.state() != kCompleted;
}

Result<std::optional<std::string>> DecodePartitionName(PartitionId id, std::string_view value) {
  if (value == kTombstone) {
    return std::optional<std::string>();
  }
  meta::PartitionInfo info;
  if (!Parse(value, &info) || info.partitionid() != id.value || info.partitionname().empty()) {
    return Malformed("PartitionInfo");
  }
  if (info.state() != meta::PartitionCreated) {
    return std::optional<std::string>();
  }
  return std::optional<std::string>(info.partitionname());
}

}  // namespace cdc
