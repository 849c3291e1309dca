#include "source/kafka/kafka_log.h"

#include <chrono>
#include <utility>

#include "kafka/kafka_client.h"
#include "source/kafka/kafka_log_offset.h"
#include "source/kafka/kafka_log_reader.h"
#include "source/kafka/kafka_log_settings.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kOpenTimeout{5'000};
constexpr milliseconds kCallTimeout{5'000};

Result<std::shared_ptr<KafkaClient>> NewClient(const KafkaOptions& options) {
  CDC_ASSIGN_OR_RETURN(KafkaSettingMap settings, KafkaSettings(options));
  return KafkaClient::New({.settings = std::move(settings), .clock = options.clock});
}

class KafkaLog : public Log {
 public:
  KafkaLog(KafkaOptions options, std::shared_ptr<KafkaClient> client)
      : options_(std::move(options)), client_(std::move(client)) {}

  Result<std::unique_ptr<LogReader>> NewReader() override {
    // A client per reader: one librdkafka client can read a topic only once.
    CDC_ASSIGN_OR_RETURN(auto client, NewClient(options_));
    return std::unique_ptr<LogReader>(
        std::make_unique<KafkaLogReader>(std::move(client), options_.clock));
  }

  Result<std::optional<MsgId>> Latest(const std::string& channel) override {
    client_->Serve();
    CDC_ASSIGN_OR_RETURN(const auto watermarks,
                         client_->Watermarks(channel, kKafkaPartition, kCallTimeout));
    if (!watermarks || watermarks->high <= watermarks->low) {
      return std::optional<MsgId>();
    }
    return std::optional<MsgId>(EncodeKafkaOffset(watermarks->high - 1));
  }

  Status CheckPosition(const std::string& channel, const LogPosition& start) override {
    CDC_ASSIGN_OR_RETURN(const int64_t offset, DecodeKafkaOffset(start.id));
    client_->Serve();
    CDC_ASSIGN_OR_RETURN(const auto watermarks,
                         client_->Watermarks(channel, kKafkaPartition, kCallTimeout));
    const KafkaWatermarks found = watermarks.value_or(KafkaWatermarks());
    // A position is that of a record, so it must be before the end.
    const KafkaWatermarks records{.low = found.low - (start.inclusive ? 0 : 1),
                                  .high = found.high - 1};
    return CheckKafkaOffset(channel, offset, records);
  }

  std::strong_ordering Compare(const MsgId& a, const MsgId& b) const override {
    const auto left = DecodeKafkaOffset(a);
    const auto right = DecodeKafkaOffset(b);
    // Invalid ids have an order too, so that sorting is well-defined.
    return left.ok() && right.ok() ? *left <=> *right : a.bytes <=> b.bytes;
  }

  std::string FormatId(const MsgId& id) const override {
    const auto offset = DecodeKafkaOffset(id);
    return offset.ok() ? std::to_string(*offset) : "(" + offset.status().message() + ")";
  }

 private:
  const KafkaOptions options_;
  const std::shared_ptr<KafkaClient> client_;
};

}  // namespace

Result<std::unique_ptr<Log>> OpenKafkaLog(KafkaOptions options) {
  CDC_ASSIGN_OR_RETURN(auto client, NewClient(options));
  CDC_RETURN_IF_ERROR(client->Ping(kOpenTimeout));
  return std::unique_ptr<Log>(std::make_unique<KafkaLog>(std::move(options), std::move(client)));
}

}  // namespace cdc
