#include "source/woodpecker/woodpecker_log.h"

#include <stop_token>
#include <utility>
#include <vector>

#include "source/woodpecker/woodpecker_cursor.h"
#include "source/woodpecker/woodpecker_log_reader.h"

namespace cdc {
namespace {

class WoodpeckerLog final : public Log {
 public:
  WoodpeckerLog(std::unique_ptr<WoodpeckerMeta> meta,
                std::unique_ptr<Storage> storage,
                const WoodpeckerOptions& options)
      : meta_(std::move(meta)), storage_(std::move(storage)), options_(options) {}

  Result<std::unique_ptr<LogReader>> NewReader() override {
    return std::unique_ptr<LogReader>(
        std::make_unique<WoodpeckerLogReader>(meta_, storage_, options_));
  }

  Result<std::optional<MsgId>> Latest(const std::string& channel) override {
    CDC_ASSIGN_OR_RETURN(const Present present, Look(channel));
    return present.newest ? std::optional(EncodeWoodpeckerId(*present.newest)) : std::nullopt;
  }

  Status CheckPosition(const std::string& channel, const LogPosition& start) override {
    CDC_ASSIGN_OR_RETURN(const WoodpeckerId id, DecodeWoodpeckerId(start.id));
    CDC_ASSIGN_OR_RETURN(const Present present, Look(channel));
    if (!present.newest) {
      return WoodpeckerExpired(channel, id, "the log is empty");
    }
    if (id > *present.newest) {
      return FailedPreconditionError(
          "position behind the end of the log, is this the Woodpecker of the same Milvus: "
          "channel " +
          channel + ": " + id.ToString() + " > " + present.newest->ToString());
    }
    int64_t expected = id.segment;
    for (const WoodpeckerSegmentMeta& segment : present.segments) {
      if (segment.number < id.segment) {
        continue;
      }
      if (segment.number != expected++) {
        return WoodpeckerExpired(channel, id,
                                 "the next segment left is " + std::to_string(segment.number));
      }
      CDC_RETURN_IF_ERROR(CheckStillThere(channel, id, present.folder, segment));
    }
    return OkStatus();
  }

  std::strong_ordering Compare(const MsgId& a, const MsgId& b) const override {
    const auto left = DecodeWoodpeckerId(a);
    const auto right = DecodeWoodpeckerId(b);
    // Invalid ids have an order too, so that sorting is well-defined.
    return left.ok() && right.ok() ? *left <=> *right : a.bytes <=> b.bytes;
  }

  std::string FormatId(const MsgId& id) const override {
    const auto decoded = DecodeWoodpeckerId(id);
    return decoded.ok() ? decoded->ToString() : "(" + decoded.status().message() + ")";
  }

 private:
  struct Present {
    int64_t folder = 0;
    std::vector<WoodpeckerSegmentMeta> segments{};
    std::optional<WoodpeckerId> newest{};
  };

  Result<std::optional<int64_t>> NewestOf(int64_t folder, int64_t segment) {
    const auto reader = options_.objects
                            ? NewWoodpeckerObjectSegment(storage_.get(), folder, segment)
                            : NewWoodpeckerFileSegment(storage_.get(), folder, segment);
    return reader->Newest();
  }

  Result<Present> Look(const std::string& channel) {
    Present present;
    CDC_ASSIGN_OR_RETURN(const auto log, meta_->FindLog(channel, std::stop_token()));
    if (!log) {
      return present;
    }
    present.folder = log->number;
    CDC_ASSIGN_OR_RETURN(present.segments, meta_->ListSegments(channel, std::stop_token()));
    for (auto at = present.segments.rbegin(); at != present.segments.rend(); ++at) {
      const auto newest = NewestOf(present.folder, at->number);
      // It may have none yet, or none any more.
      if (newest.status().code() == StatusCode::kNotFound) {
        continue;
      }
      CDC_RETURN_IF_ERROR(newest.status());
      if (*newest) {
        present.newest = WoodpeckerId{.segment = at->number, .entry = **newest};
        break;
      }
    }
    return present;
  }

  // Segments that were truncated are deleted some time later, in no particular order.
  Status CheckStillThere(const std::string& channel,
                         const WoodpeckerId& id,
                         int64_t folder,
                         const WoodpeckerSegmentMeta& segment) {
    if (segment.state != WoodpeckerSegmentMeta::State::kTruncated || segment.last_entry < 0) {
      return OkStatus();
    }
    const auto newest = NewestOf(folder, segment.number);
    if (newest.status().code() == StatusCode::kNotFound || (newest.ok() && !*newest)) {
      return WoodpeckerExpired(channel, id,
                               "segment " + std::to_string(segment.number) + " was deleted");
    }
    return newest.status();
  }

  const std::shared_ptr<WoodpeckerMeta> meta_;
  const std::shared_ptr<Storage> storage_;
  const WoodpeckerOptions options_;
};

}  // namespace

std::unique_ptr<Log> NewWoodpeckerLog(std::unique_ptr<WoodpeckerMeta> meta,
                                      std::unique_ptr<Storage> storage,
                                      const WoodpeckerOptions& options) {
  return std::make_unique<WoodpeckerLog>(std::move(meta), std::move(storage), options);
}

}  // namespace cdc
