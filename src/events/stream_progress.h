#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "events/event_options.h"
#include "model/ids.h"

namespace cdc {

// What a stream has of one channel of the source. Written together with the events that it counts,
// or not at all, it is where a restart goes on without leaving out or doubling any.
struct StreamProgress {
  std::string channel;  // pchannel
  MsgId position;       // of the first record to be read again
  Timestamp ts;         // everything at or below it is in the stream
  // Records above `ts` whose events are in the stream already.
  std::vector<MsgId> applied;
  bool operator==(const StreamProgress&) const = default;
};

// The record of a compacted topic. The key is {"channel":…}.
std::string EncodeProgressKey(const StreamProgress& progress);
std::string EncodeProgress(const StreamProgress& progress);
// kDataLoss: they are no such record. kFailedPrecondition: a later version has written it.
Result<StreamProgress> DecodeProgress(std::string_view key, std::string_view value);

// Tells readers that all rows of the channel up to `time` come before this event; of all channels,
// if `channel` is empty. The key is {"channel":…}, with null for all.
std::string EncodeWatermarkKey(std::string_view channel);
std::string EncodeWatermark(std::string_view channel,
                            Timestamp time,
                            EventTime now,
                            const EventOptions& options);

}  // namespace cdc
