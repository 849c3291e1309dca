#pragma once

#include <chrono>
#include <compare>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ids.h"
#include "model/message.h"

namespace cdc {

// One record of a channel as the queue holds it.
struct LogRecord {
  MsgId id;
  Payload payload;
};

// What one Poll found in one channel. An error concerns this channel alone and comes without
// records; the channel stays as it was and is tried again by the next Poll.
//
// kOutOfRange: the position is older than what the queue still holds ("position expired: …").
struct LogBatch {
  std::string channel;
  std::vector<LogRecord> records;  // in the channel's order
  Status status;
};

struct LogPosition {
  MsgId id;
  bool inclusive = true;  // the record `id` itself is delivered
};

// Follows any number of channels of a queue. Belongs to one thread.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // Begins to deliver `channel` from `start`; without `start` from its first record. A channel that
  // does not exist yet is delivered once it does.
  virtual Status Add(const std::string& channel, const std::optional<LogPosition>& start) = 0;
  virtual void Remove(const std::string& channel) = 0;

  // A paused channel keeps its place and delivers nothing: how a slow consumer holds it back.
  virtual void SetPaused(const std::string& channel, bool paused) = 0;

  // Appends what is there, about `max_bytes` a channel at the most, and returns at once if there is
  // anything; otherwise waits for records until `timeout` or `stop`. An error of the return value
  // concerns the queue as a whole.
  virtual Status Poll(size_t max_bytes,
                      std::chrono::milliseconds timeout,
                      const std::stop_token& stop,
                      std::vector<LogBatch>* out) = 0;
};

// A source's message queue: RocksMQ, Kafka, … Thread-safe. Must outlive its readers.
class Log {
 public:
  virtual ~Log() = default;

  virtual Result<std::unique_ptr<LogReader>> NewReader() = 0;

  // The id of the newest record of `channel`; nullopt if it holds none or does not exist.
  virtual Result<std::optional<MsgId>> Latest(const std::string& channel) = 0;

  // Whether a reader that begins at `start` would get everything from there on. kOutOfRange if
  // records are gone: "position expired: channel … <position> < <oldest>".
  virtual Status CheckPosition(const std::string& channel, const LogPosition& start) = 0;

  // The order of two ids of one channel.
  virtual std::strong_ordering Compare(const MsgId& a, const MsgId& b) const = 0;

  // For people: "470643311880437761".
  virtual std::string FormatId(const MsgId& id) const = 0;
};

}  // namespace cdc
