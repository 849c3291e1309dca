#include "source/woodpecker/woodpecker_meta.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "wire/wire_reader.h"

namespace cdc {
namespace {

class WoodpeckerEtcdMeta final : public WoodpeckerMeta {
 public:
  WoodpeckerEtcdMeta(std::unique_ptr<EtcdClient> etcd, const std::string& prefix)
      : etcd_(std::move(etcd)), logs_(prefix + "/logs/") {}

  Result<std::optional<WoodpeckerLogMeta>> FindLog(const std::string& log,
                                                   const std::stop_token& stop) override {
    return Find<WoodpeckerLogMeta>(logs_ + log, ReadWoodpeckerLogMeta, stop);
  }

  Result<std::optional<WoodpeckerSegmentMeta>> FindSegment(const std::string& log,
                                                           int64_t number,
                                                           const std::stop_token& stop) override {
    return Find<WoodpeckerSegmentMeta>(Segments(log) + std::to_string(number),
                                       ReadWoodpeckerSegmentMeta, stop);
  }

  Result<std::vector<WoodpeckerSegmentMeta>> ListSegments(const std::string& log,
                                                          const std::stop_token& stop) override {
    CDC_ASSIGN_OR_RETURN(const EtcdRange found, etcd_->Range(PrefixRange(Segments(log)), {}, stop));
    std::vector<WoodpeckerSegmentMeta> segments;
    for (const EtcdKeyValue& each : found.kvs) {
      auto segment = ReadWoodpeckerSegmentMeta(each.value);
      CDC_RETURN_IF_ERROR(segment.status().WithContext("etcd key " + each.key));
      segments.push_back(*std::move(segment));
    }
    // Their keys sort as texts.
    std::ranges::sort(segments, {}, &WoodpeckerSegmentMeta::number);
    return segments;
  }

 private:
  std::string Segments(const std::string& log) const { return logs_ + log + "/segments/"; }

  template <class Value, class Read>
  Result<std::optional<Value>> Find(const std::string& key,
                                    Read read,
                                    const std::stop_token& stop) {
    CDC_ASSIGN_OR_RETURN(const EtcdRange found, etcd_->Range({.begin = key}, {}, stop));
    if (found.kvs.empty()) {
      return std::optional<Value>();
    }
    Result<Value> value = read(found.kvs[0].value);
    CDC_RETURN_IF_ERROR(value.status().WithContext("etcd key " + key));
    return std::optional(*std::move(value));
  }

  const std::unique_ptr<EtcdClient> etcd_;
  const std::string logs_;
};

}  // namespace

std::unique_ptr<WoodpeckerMeta> NewWoodpeckerEtcdMeta(std::unique_ptr<EtcdClient> etcd,
                                                      const std::string& prefix) {
  return std::make_unique<WoodpeckerEtcdMeta>(std::move(etcd), prefix);
}

Result<WoodpeckerLogMeta> ReadWoodpeckerLogMeta(std::string_view bytes) {
  WoodpeckerLogMeta log;
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1: CDC_RETURN_IF_ERROR(ReadField(reader, "logId", &log.number)); break;
      case 8:
        CDC_RETURN_IF_ERROR(ReadField(reader, "truncated_segment_id", &log.truncated.segment));
        break;
      case 9:
        CDC_RETURN_IF_ERROR(ReadField(reader, "truncated_entry_id", &log.truncated.entry));
        break;
      default: break;
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  return log;
}

Result<WoodpeckerSegmentMeta> ReadWoodpeckerSegmentMeta(std::string_view bytes) {
  WoodpeckerSegmentMeta segment{.last_entry = 0};  // a number that is missing is 0
  int64_t state = 0;
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1: CDC_RETURN_IF_ERROR(ReadField(reader, "segNo", &segment.number)); break;
      case 4: CDC_RETURN_IF_ERROR(ReadField(reader, "state", &state)); break;
      case 6: CDC_RETURN_IF_ERROR(ReadField(reader, "lastEntryId", &segment.last_entry)); break;
      default: break;
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  segment.state = static_cast<WoodpeckerSegmentMeta::State>(state);
  return segment;
}

}  // namespace cdc
