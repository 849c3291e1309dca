#include "source/woodpecker/woodpecker_cursor.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

using State = WoodpeckerSegmentMeta::State;
using Kind = WoodpeckerRead::Kind;

// A status that says what is missing or damaged, with what helps.
Status WithCure(const Status& status) {
  return status.code() == StatusCode::kDataLoss
             ? DataLossError(status.message() +
                             ": resume the task to look once more; if they are gone for good, "
                             "create it again with start_from: snapshot")
             : status;
}

}  // namespace

Status WoodpeckerExpired(const std::string& log,
                         const WoodpeckerId& place,
                         const std::string& why) {
  return OutOfRangeError("position expired: channel " + log + ": " + place.ToString() + ", and " +
                         why);
}

WoodpeckerCursor::WoodpeckerCursor(WoodpeckerMeta* meta,
                                   Storage* storage,
                                   const WoodpeckerOptions& options,
                                   std::string log,
                                   const std::optional<WoodpeckerId>& start)
    : meta_(meta),
      storage_(storage),
      options_(options),
      log_(std::move(log)),
      anywhere_(!start),
      place_(start.value_or(WoodpeckerId())) {}

Result<std::vector<LogRecord>> WoodpeckerCursor::Next(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    CDC_ASSIGN_OR_RETURN(const bool there, Begin(stop));
    if (!there) {
      break;
    }
    Result<WoodpeckerRead> read = segment_->Read(place_.entry, closed_);
    if (!read.ok() && read.status().code() != StatusCode::kNotFound) {
      CDC_ASSIGN_OR_RETURN(const bool again, AfterError(read.status(), stop));
      if (!again) {
        break;
      }
      continue;
    }
    if (read.ok() && read->kind == Kind::kRecords) {
      CDC_ASSIGN_OR_RETURN(const WoodpeckerId first, DecodeWoodpeckerId(read->records.front().id));
      if (first != place_) {
        return WithCure(DataLossError("channel " + log_ + ": the records from " +
                                      place_.ToString() + " to " + first.ToString() +
                                      " are missing"));
      }
      place_.entry += static_cast<int64_t>(read->records.size());
      return std::move(read->records);
    }
    CDC_ASSIGN_OR_RETURN(const bool again,
                         AtEnd(read.status(), read.ok() ? *read : WoodpeckerRead(), stop));
    if (!again) {
      break;
    }
  }
  return std::vector<LogRecord>();
}

Result<bool> WoodpeckerCursor::Begin(const std::stop_token& stop) {
  if (begun_) {
    return true;
  }
  if (!IsTimeToAsk()) {
    return false;
  }
  Result<bool> there = Find(stop);
  if (!there.ok()) {
    asked_at_.reset();  // an error lasts until the next answer
  }
  return there;
}

Result<bool> WoodpeckerCursor::Find(const std::stop_token& stop) {
  CDC_ASSIGN_OR_RETURN(const auto log, meta_->FindLog(log_, stop));
  if (!log) {
    if (!anywhere_) {
      return WoodpeckerExpired(log_, place_, "Woodpecker has no such log");
    }
    return false;
  }
  folder_ = log->number;
  if (anywhere_) {
    CDC_RETURN_IF_ERROR(BeginAtFirst(*log, stop));
  }
  CDC_ASSIGN_OR_RETURN(const auto segment, meta_->FindSegment(log_, place_.segment, stop));
  if (!segment) {
    return Absent(stop);
  }
  begun_ = true;
  Enter(*segment);
  return true;
}

Status WoodpeckerCursor::BeginAtFirst(const WoodpeckerLogMeta& log, const std::stop_token& stop) {
  place_ = log.truncated.segment < 0
               ? WoodpeckerId()
               : WoodpeckerId{.segment = log.truncated.segment, .entry = log.truncated.entry + 1};
  CDC_ASSIGN_OR_RETURN(const auto segments, meta_->ListSegments(log_, stop));
  // Older ones may still be there: they are deleted in no particular order.
  const auto first =
      std::ranges::lower_bound(segments, place_.segment, {}, &WoodpeckerSegmentMeta::number);
  if (first != segments.end() && first->number > place_.segment) {
    place_ = {.segment = first->number, .entry = 0};
  }
  return OkStatus();
}

bool WoodpeckerCursor::IsTimeToAsk() {
  const auto now = options_.clock->Now();
  if (asked_at_ && now - *asked_at_ < options_.meta_interval) {
    return false;
  }
  asked_at_ = now;
  return true;
}

void WoodpeckerCursor::Enter(const WoodpeckerSegmentMeta& segment) {
  segment_ = options_.objects ? NewWoodpeckerObjectSegment(storage_, folder_, segment.number)
                              : NewWoodpeckerFileSegment(storage_, folder_, segment.number);
  closed_ = segment.closed();
  asked_at_.reset();
  ended_ = false;
}

Result<bool> WoodpeckerCursor::AtEnd(const Status& looked,
                                     const WoodpeckerRead& read,
                                     const std::stop_token& stop) {
  // The end of a segment is worth a question at once, but only the first time.
  const bool news = read.kind == Kind::kEnd && !ended_;
  ended_ = ended_ || read.kind == Kind::kEnd;
  if (news) {
    asked_at_.reset();
  }
  if (!IsTimeToAsk()) {
    return false;
  }
  CDC_ASSIGN_OR_RETURN(const auto segment, meta_->FindSegment(log_, place_.segment, stop));
  if (!segment) {
    return Absent(stop);
  }
  if (!segment->closed()) {
    return read.kind == Kind::kEnd ? Leave(stop) : false;
  }
  if (!closed_) {
    closed_ = true;  // what was written until then counts
    return true;
  }
  if (place_.entry <= segment->last_entry && !read.cut_off) {
    return Lost(*segment, looked);
  }
  return Leave(stop);
}

Result<bool> WoodpeckerCursor::AfterError(const Status& error, const std::stop_token& stop) {
  const Status told = WithCure(
      error.WithContext("channel " + log_ + ", records from " + place_.ToString() + " on"));
  const bool damaged = error.code() == StatusCode::kDataLoss;
  if (!damaged && (error.code() != StatusCode::kUnavailable || !IsTimeToAsk())) {
    return told;
  }
  CDC_ASSIGN_OR_RETURN(const auto segment, meta_->FindSegment(log_, place_.segment, stop));
  if (!segment || !segment->closed()) {
    return told;
  }
  if (!closed_) {
    closed_ = true;  // what is damaged stays so
    return true;
  }
  if (damaged && place_.entry > segment->last_entry) {
    return Leave(stop);  // all that was acknowledged is delivered
  }
  return told;
}

Status WoodpeckerCursor::Lost(const WoodpeckerSegmentMeta& segment, const Status& looked) const {
  if (segment.state == State::kTruncated) {
    return Expired("the segment was truncated and deleted");
  }
  const std::string what = "channel " + log_ + ": the entries " + std::to_string(place_.entry) +
                           " to " + std::to_string(segment.last_entry) + " of segment " +
                           std::to_string(segment.number);
  return looked.ok()
             ? WithCure(DataLossError(what + " are missing"))
             : FailedPreconditionError(what +
                                       " are in etcd and not in the storage, are both of the same "
                                       "Milvus (sourceConfig.woodpecker): " +
                                       looked.message());
}

Result<bool> WoodpeckerCursor::Leave(const std::stop_token& stop) {
  CDC_ASSIGN_OR_RETURN(const auto next, meta_->FindSegment(log_, place_.segment + 1, stop));
  if (next) {
    place_ = {.segment = next->number, .entry = 0};
    Enter(*next);
    return true;
  }
  // At the end of the log, unless the next one is gone already.
  CDC_ASSIGN_OR_RETURN(const auto segments, meta_->ListSegments(log_, stop));
  if (!segments.empty() && segments.back().number > place_.segment + 1) {
    return Expired("segment " + std::to_string(place_.segment + 1) + " was deleted");
  }
  return false;
}

Result<bool> WoodpeckerCursor::Absent(const std::stop_token& stop) {
  if (anywhere_ && !begun_) {
    return false;  // none has been written yet, or it was deleted a moment ago
  }
  CDC_ASSIGN_OR_RETURN(const auto segments, meta_->ListSegments(log_, stop));
  if (segments.empty()) {
    return Expired("the log has no segments");
  }
  const int64_t oldest = segments.front().number;
  if (place_.segment < oldest && ended_ && place_.segment + 1 == oldest) {
    return Leave(stop);  // all of it was read before it was deleted
  }
  if (place_.segment <= segments.back().number) {
    return Expired("the oldest segment is " + std::to_string(oldest));
  }
  return FailedPreconditionError(
      "position behind the end of the log, is this the Woodpecker of the same Milvus: channel " +
      log_ + ": " + place_.ToString() + ", and the newest segment is " +
      std::to_string(segments.back().number));
}

Status WoodpeckerCursor::Expired(const std::string& why) const {
  return WoodpeckerExpired(log_, place_, why);
}

}  // namespace cdc
