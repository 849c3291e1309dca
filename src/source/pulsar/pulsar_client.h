#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "model/message.h"
#include "source/pulsar/pulsar_id.h"
#include "source/pulsar/pulsar_library.h"
#include "source/pulsar/pulsar_log.h"

namespace cdc {

class PulsarTopicReader;

// Where a reader of a topic begins.
struct PulsarStart {
  enum class Kind { kOldest, kNewest, kAfterEntry };
  Kind kind = Kind::kOldest;
  int64_t ledger = 0;
  int64_t entry = 0;
};

// The connection to the brokers and the words for its errors. Thread-safe. Readers share it: the
// last one closes it.
class PulsarClient : public std::enable_shared_from_this<PulsarClient> {
 public:
  // Does not connect yet. kInvalidArgument: a setting is wrong. kFailedPrecondition: no library.
  static Result<std::shared_ptr<PulsarClient>> New(const PulsarOptions& options);
  ~PulsarClient();
  PulsarClient(const PulsarClient&) = delete;
  PulsarClient& operator=(const PulsarClient&) = delete;

  // Whether a broker answers and knows the namespace.
  Status Ping();

  // Opens a reader that may hold `records` ahead; waits until it is open, or for `stop`.
  //
  // kNotFound: the topic does not exist, and the broker does not create topics. kUnavailable:
  // anything else, with the broker's words.
  Result<std::unique_ptr<PulsarTopicReader>> Open(const std::string& channel,
                                                  const PulsarStart& start,
                                                  int records,
                                                  const std::stop_token& stop);

  const PulsarLibrary& library() const { return *library_; }
  // kUnavailable, with what the library last said about its connections, if it said anything since
  // `mark`.
  Status Failure(const std::string& call, int result, uint64_t mark) const;
  // The number of things it has said.
  static uint64_t Mark();

 private:
  PulsarClient(PulsarOptions options, const PulsarLibrary* library)
      : options_(std::move(options)), library_(library) {}
  Status Connect();

  const PulsarOptions options_;
  const PulsarLibrary* const library_;
  std::string token_;  // or the name of its file; the library asks us for it
  pulsar_client* handle_ = nullptr;
};

struct PulsarRecord {
  PulsarId id;
  Payload payload;
  int64_t published_ms = 0;
  std::shared_ptr<const WalProperties> wal;  // see LogRecord
};

// Reads one topic by a subscription that ends with it. Use it from one thread. The library connects
// it again when the connection or the broker is lost.
class PulsarTopicReader {
 public:
  PulsarTopicReader(std::shared_ptr<PulsarClient> client, pulsar_reader* reader)
      : client_(std::move(client)), library_(client_->library()), reader_(reader) {}
  ~PulsarTopicReader();
  PulsarTopicReader(const PulsarTopicReader&) = delete;
  PulsarTopicReader& operator=(const PulsarTopicReader&) = delete;

  // Waits for the next record; nullopt: none came. kUnavailable: open another reader.
  Result<std::optional<PulsarRecord>> Next(std::chrono::milliseconds timeout);
  bool connected() const;
  // The newest record of the topic; nullopt if it holds none.
  Result<std::optional<PulsarId>> Newest();

 private:
  const std::shared_ptr<PulsarClient> client_;
  const PulsarLibrary& library_;
  pulsar_reader* const reader_;
};

}  // namespace cdc
