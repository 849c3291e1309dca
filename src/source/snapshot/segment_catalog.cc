#include "source/snapshot/segment_catalog.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "source/checkpoint/channel_checkpoint.h"
#include "source/snapshot/segment_record.h"

namespace cdc {
namespace {

// With the slash: "…/s" is a prefix of "…/statslog", too.
constexpr std::string_view kSegments = "datacoord-meta/s/";
constexpr std::string_view kInsertLogs = "datacoord-meta/binlog/";
constexpr std::string_view kDeleteLogs = "datacoord-meta/deltalog/";
constexpr std::string_view kPartitions = "root-coord/partitions/";
// Of all collections, by job; a job that has ended stays for some hours.
constexpr std::string_view kImportJobs = "datacoord-meta/import-job/";

bool ParseNumber(std::string_view text, int64_t* out) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, *out);
  return error == std::errc() && rest == end;
}

// Splits "1/2/3" into numbers. False if they are not exactly `count`.
bool ParseNumbers(std::string_view text, size_t count, std::vector<int64_t>* out) {
  while (true) {
    const size_t slash = text.find('/');
    if (!ParseNumber(text.substr(0, slash), &out->emplace_back())) {
      return false;
    }
    if (slash == std::string_view::npos) {
      return out->size() == count;
    }
    text.remove_prefix(slash + 1);
  }
}

class Builder {
 public:
  Builder(CollectionId collection, int64_t revision) {
    catalog_.collection = collection;
    catalog_.revision = revision;
  }

  // `key`: without the meta root.
  Status Add(std::string_view key, const std::string& value) {
    std::vector<int64_t> ids;
    if (key.starts_with(kChannelCheckpoints)) {
      const std::string vchannel(key.substr(kChannelCheckpoints.size()));
      CDC_ASSIGN_OR_RETURN(catalog_.checkpoints[vchannel], DecodeLogPlace(value));
    } else if (key.starts_with(kPartitions)) {
      CDC_RETURN_IF_ERROR(Ids(key, kPartitions, 2, &ids));
      const PartitionId id{ids[1]};
      CDC_ASSIGN_OR_RETURN(const std::optional<std::string> name, DecodePartitionName(id, value));
      if (name.has_value()) {
        catalog_.partitions[id] = *name;
      }
    } else if (key.starts_with(kSegments)) {
      CDC_RETURN_IF_ERROR(Ids(key, kSegments, 3, &ids));
      const SegmentId id{ids[2]};
      CDC_ASSIGN_OR_RETURN(catalog_.segments[id], DecodeSegment(catalog_.collection, id, value));
    } else if (key.starts_with(kInsertLogs)) {
      CDC_RETURN_IF_ERROR(Ids(key, kInsertLogs, 4, &ids));
      CDC_ASSIGN_OR_RETURN(insert_logs_[SegmentId{ids[2]}][FieldId{ids[3]}],
                           DecodeLogFiles(FieldId{ids[3]}, value));
    } else if (key.starts_with(kDeleteLogs)) {
      CDC_RETURN_IF_ERROR(Ids(key, kDeleteLogs, 4, &ids));
      CDC_ASSIGN_OR_RETURN(const std::vector<LogFile> files,
                           DecodeLogFiles(FieldId{ids[3]}, value));
      std::vector<LogFile>& all = delete_logs_[SegmentId{ids[2]}];
      all.insert(all.end(), files.begin(), files.end());
    } else if (key.starts_with(kImportJobs)) {
      CDC_ASSIGN_OR_RETURN(const bool open, IsOpenImportJob(catalog_.collection, value));
      catalog_.has_import_job |= open;
    }
    return OkStatus();
  }

  SegmentCatalog Build() && {
    for (auto& [id, segment] : catalog_.segments) {
      // An old record with lists of its own has no such keys, or forgotten ones.
      if (segment.insert_logs.empty()) {
        segment.insert_logs = std::move(insert_logs_[id]);
      }
      if (segment.delete_logs.empty()) {
        segment.delete_logs = std::move(delete_logs_[id]);
      }
    }
    return std::move(catalog_);
  }

 private:
  static Status Ids(std::string_view key,
                    std::string_view prefix,
                    size_t count,
                    std::vector<int64_t>* ids) {
    return ParseNumbers(key.substr(prefix.size()), count, ids) ? OkStatus()
                                                               : DataLossError("malformed key");
  }

  SegmentCatalog catalog_;
  std::map<SegmentId, std::map<FieldId, std::vector<LogFile>>> insert_logs_;
  std::map<SegmentId, std::vector<LogFile>> delete_logs_;
};

// Every range at the revision of the first one.
Result<SegmentCatalog> ReadOnce(EtcdClient& etcd,
                                const std::string& meta_root,
                                const Collection& collection,
                                const std::stop_token& stop) {
  std::vector<EtcdKeyValue> kvs;
  RangeOptions options;
  for (const KeyRange& range : SegmentCatalogRanges(meta_root, collection)) {
    CDC_ASSIGN_OR_RETURN(EtcdRange found, etcd.Range(range, options, stop));
    options.revision = found.revision;
    std::ranges::move(found.kvs, std::back_inserter(kvs));
  }
  return BuildSegmentCatalog(meta_root, collection, options.revision, kvs);
}

}  // namespace

std::vector<KeyRange> SegmentCatalogRanges(const std::string& meta_root,
                                           const Collection& collection) {
  std::vector<KeyRange> ranges;
  const std::string owner = std::to_string(collection.id.value) + "/";
  for (const std::string_view folder : {kSegments, kInsertLogs, kDeleteLogs, kPartitions}) {
    ranges.push_back(PrefixRange(meta_root + std::string(folder) + owner));
  }
  ranges.push_back(PrefixRange(meta_root + std::string(kImportJobs)));
  for (const std::string& vchannel : collection.vchannels) {
    ranges.push_back({.begin = meta_root + std::string(kChannelCheckpoints) + vchannel});
  }
  return ranges;
}

Result<SegmentCatalog> BuildSegmentCatalog(const std::string& meta_root,
                                           const Collection& collection,
                                           int64_t revision,
                                           const std::vector<EtcdKeyValue>& kvs) {
  Builder builder(collection.id, revision);
  for (const EtcdKeyValue& kv : kvs) {
    const std::string_view key = kv.key;
    if (key.starts_with(meta_root)) {
      CDC_RETURN_IF_ERROR(
          builder.Add(key.substr(meta_root.size()), kv.value).WithContext("etcd key " + kv.key));
    }
  }
  return std::move(builder).Build();
}

Result<SegmentCatalog> ReadSegmentCatalog(EtcdClient& etcd,
                                          const std::string& meta_root,
                                          const Collection& collection,
                                          const std::stop_token& stop) {
  // A compaction of etcd between two ranges is bad luck; three in a row are something else.
  constexpr int kTries = 3;
  Result<SegmentCatalog> read = ReadOnce(etcd, meta_root, collection, stop);
  for (int i = 1; i < kTries && read.status().code() == StatusCode::kOutOfRange; ++i) {
    read = ReadOnce(etcd, meta_root, collection, stop);
  }
  if (read.status().code() == StatusCode::kOutOfRange) {
    return UnavailableError(read.status().message());
  }
  return read;
}

}  // namespace cdc
