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
#include "model/wal_properties.h"

namespace cdc {

// One record of a channel, as stored in the queue.
struct LogRecord {
  MsgId id;
  Payload payload;
  // nullptr: a message of Milvus 2.2 to 2.5. Those of the write-ahead log of 2.6 can look like one,
  // but mean something else without these.
  std::shared_ptr<const WalProperties> wal = {};
};

// What one Poll returned for one channel. An error concerns only this channel and comes without
// records; the channel keeps its place and the next Poll tries again.
//
// kOutOfRange: the position is older than what the queue still holds ("position expired: …").
struct LogBatch {
  std::string channel;
  std::vector<LogRecord> records;  // in the channel's order
  Status status;
};

struct LogPosition {
  MsgId id;
  bool inclusive = true;  // deliver the record `id` itself, too
};

// Follows any number of channels of a queue. Use it from one thread at a time.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // Delivers `channel` from `start` on, or from its first record. A channel that does not exist yet
  // is delivered once it does.
  virtual Status Add(const std::string& channel, const std::optional<LogPosition>& start) = 0;
  virtual void Remove(const std::string& channel) = 0;

  // A paused channel keeps its place and delivers nothing: this is how a slow consumer holds it
  // back.
  virtual void SetPaused(const std::string& channel, bool paused) = 0;

  // Appends the available records, about `max_bytes` per channel at most, and returns at once if
  // there are any; otherwise waits for records until `timeout` or `stop`. A returned error concerns
  // the queue as a whole.
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

  // The id of the newest record of `channel`; nullopt if it is empty or does not exist.
  virtual Result<std::optional<MsgId>> Latest(const std::string& channel) = 0;

  // Whether a reader that begins at `start` would miss nothing. kOutOfRange if records are gone:
  // "position expired: channel … <position> < <oldest>".
  virtual Status CheckPosition(const std::string& channel, const LogPosition& start) = 0;

  // Compares two ids of the same channel.
  virtual std::strong_ordering Compare(const MsgId& a, const MsgId& b) const = 0;

  // For people: "470643311880437761".
  virtual std::string FormatId(const MsgId& id) const = 0;
};

}  // namespace cdc
