#include "sink/standby/standby_clock.h"

#include <algorithm>

#include <grpcpp/support/byte_buffer.h>
#include <spdlog/spdlog.h>

#include "milvus.pb.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_status.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;
using std::chrono::milliseconds;

// A younger time would gain nothing: the standby itself ticks only every 200 ms.
constexpr milliseconds kFresh{20};
constexpr milliseconds kRetry{200};

Result<Timestamp> ReadTime(const CallResult& call, grpc::ByteBuffer* bytes) {
  CDC_RETURN_IF_ERROR(call.status.WithContext("AllocTimestamp"));
  pb::AllocTimestampResponse response;
  CDC_RETURN_IF_ERROR(MilvusChannel::Parse(bytes, &response));
  CDC_RETURN_IF_ERROR(FromMilvusStatus(response.status()).WithContext("AllocTimestamp"));
  return Timestamp{response.timestamp()};
}

}  // namespace

std::optional<Timestamp> StandbyClock::Fresh() const {
  MutexLock lock(mutex_);
  return options_.clock->Now() < fresh_until_ ? time_ : std::nullopt;
}

void StandbyClock::Ask() {
  const auto asked = options_.clock->Now();
  {
    MutexLock lock(mutex_);
    if (asking_ || asked < not_before_) {
      return;
    }
    asking_ = true;
  }
  static const grpc::Slice kNoRequest("");
  connection_->channel()->Start("AllocTimestamp", "", grpc::ByteBuffer(&kNoRequest, 1),
                                options_.timeout,
                                [this, asked](const CallResult& call, grpc::ByteBuffer* bytes) {
                                  Take(ReadTime(call, bytes), asked);
                                });
}

Clock::TimePoint StandbyClock::NextAsk() const {
  MutexLock lock(mutex_);
  return asking_ ? Clock::TimePoint::max() : not_before_;
}

Status StandbyClock::Health() const {
  MutexLock lock(mutex_);
  return health_;
}

void StandbyClock::Take(const Result<Timestamp>& time, Clock::TimePoint asked) {
  const auto now = options_.clock->Now();
  bool is_news = false;
  {
    MutexLock lock(mutex_);
    asking_ = false;
    is_news = time.ok() != health_.ok();
    health_ = time.status();
    if (time.ok()) {
      time_ = std::max(time_.value_or(*time), *time);
      // An answer that took longer than it stays fresh must still be of use, or a slow standby
      // would get nothing at all. It is only older than usual: it was never ahead.
      fresh_until_ = std::max(asked, now - kFresh / 2) + kFresh;
    } else {
      not_before_ = now + kRetry;
    }
  }
  if (is_news && time.ok()) {
    spdlog::info("standby {}: answers again", options_.name);
  } else if (is_news) {
    spdlog::warn("standby {}: {}; no ticks meanwhile", options_.name, time.status().ToString());
  }
  options_.on_answer(time.status());
}

}  // namespace cdc
