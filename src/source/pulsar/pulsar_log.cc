#include "source/pulsar/pulsar_log.h"

#include <stop_token>
#include <tuple>
#include <utility>

#include "source/pulsar/pulsar_channel.h"
#include "source/pulsar/pulsar_client.h"
#include "source/pulsar/pulsar_id.h"
#include "source/pulsar/pulsar_log_reader.h"

namespace cdc {
namespace {

class PulsarLog : public Log {
 public:
  PulsarLog(const PulsarOptions& options, std::shared_ptr<PulsarClient> client)
      : prefetch_bytes_(options.prefetch_bytes),
        clock_(options.clock),
        client_(std::move(client)) {}

  Result<std::unique_ptr<LogReader>> NewReader() override {
    return std::unique_ptr<LogReader>(
        std::make_unique<PulsarLogReader>(client_, prefetch_bytes_, clock_));
  }

  Result<std::optional<MsgId>> Latest(const std::string& channel) override {
    CDC_ASSIGN_OR_RETURN(const std::optional<PulsarId> newest, Newest(channel));
    return newest ? std::optional(EncodePulsarId(*newest)) : std::nullopt;
  }

  Status CheckPosition(const std::string& channel, const LogPosition& start) override {
    CDC_ASSIGN_OR_RETURN(const PulsarId id, DecodePulsarId(start.id));
    CDC_ASSIGN_OR_RETURN(const std::optional<PulsarId> newest, Newest(channel));
    if (!newest) {
      return OutOfRangeError("position expired: channel " + channel + ": " + id.ToString() +
                             ", and the topic is empty");
    }
    // By entries: a producer may know less of its own batch.
    if (std::tie(id.ledger, id.entry) > std::tie(newest->ledger, newest->entry)) {
      return FailedPreconditionError(
          "position behind the end of the log, is this the Pulsar of the same Milvus: channel " +
          channel + ": " + id.ToString() + " > " + newest->ToString());
    }
    CDC_ASSIGN_OR_RETURN(const PulsarId oldest,
                         OldestOf(client_.get(), channel, *clock_, std::stop_token()));
    return id < oldest ? PulsarExpired(channel, id, oldest) : OkStatus();
  }

  std::strong_ordering Compare(const MsgId& a, const MsgId& b) const override {
    const auto left = DecodePulsarId(a);
    const auto right = DecodePulsarId(b);
    // Invalid ids have an order too, so that sorting is well-defined.
    return left.ok() && right.ok() ? *left <=> *right : a.bytes <=> b.bytes;
  }

  std::string FormatId(const MsgId& id) const override {
    const auto decoded = DecodePulsarId(id);
    return decoded.ok() ? decoded->ToString() : "(" + decoded.status().message() + ")";
  }

 private:
  Result<std::optional<PulsarId>> Newest(const std::string& channel) {
    auto reader =
        client_->Open(channel, {.kind = PulsarStart::Kind::kNewest}, 1, std::stop_token());
    if (reader.status().code() == StatusCode::kNotFound) {
      return std::optional<PulsarId>();
    }
    CDC_RETURN_IF_ERROR(reader.status());
    return (*reader)->Newest();
  }

  const size_t prefetch_bytes_;
  const Clock* const clock_;
  const std::shared_ptr<PulsarClient> client_;
};

}  // namespace

Result<std::unique_ptr<Log>> OpenPulsarLog(PulsarOptions options) {
  CDC_ASSIGN_OR_RETURN(auto client, PulsarClient::New(options));
  CDC_RETURN_IF_ERROR(client->Ping());
  return std::unique_ptr<Log>(std::make_unique<PulsarLog>(options, std::move(client)));
}

}  // namespace cdc
