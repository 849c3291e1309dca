#include "kafka/kafka_client.h"

#include <algorithm>
#include <array>
#include <stop_token>
#include <utility>

#include <librdkafka/rdkafka.h>
#include <spdlog/spdlog.h>

#include "kafka/kafka_error.h"
#include "kafka/kafka_handles.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

// A ping's first slice, which grows to the last.
constexpr milliseconds kFirstSlice{100};
constexpr milliseconds kLastSlice{1'000};

using Conf = std::unique_ptr<rd_kafka_conf_t, Freed<rd_kafka_conf_destroy>>;

using Metadata = std::unique_ptr<const rd_kafka_metadata_t, Freed<rd_kafka_metadata_destroy>>;

// Called within Serve because of the setting log.queue, so it may log.
void WriteLog(const rd_kafka_t* /*client*/, int level, const char* /*facility*/, const char* text) {
  // Connection errors are reported by the task they affect, so they are only warnings here.
  spdlog::level::level_enum ours = spdlog::level::debug;
  if (level <= 2) {
    ours = spdlog::level::err;
  } else if (level <= 4) {
    ours = spdlog::level::warn;
  } else if (level == 5) {
    ours = spdlog::level::info;
  }
  spdlog::log(ours, "kafka: {}", text);
}

void SignalWakeup(rd_kafka_t* /*client*/, void* wakeup) { static_cast<Wakeup*>(wakeup)->Signal(); }

bool IsSecret(const std::string& setting) {
  return setting.find("password") != std::string::npos ||
         setting.find("secret") != std::string::npos || setting.find(".pem") != std::string::npos;
}

Result<Conf> MakeConf(const KafkaSettingMap& settings) {
  Conf conf(rd_kafka_conf_new());
  std::array<char, 512> text{};
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), text.data(), text.size()) !=
        RD_KAFKA_CONF_OK) {
      return InvalidArgumentError(IsSecret(key) ? "the value of " + key + " is not accepted"
                                                : std::string(text.data()));
    }
  }
  return conf;
}

// A listener without TLS closes the connection during the handshake, in one of several ways.
std::string WithHint(std::string reason) {
  const bool handshake = reason.find("SSL_HANDSHAKE") != std::string::npos;
  for (const char* hang_up : {"unexpected eof", "Disconnected", "reset by peer"}) {
    if (handshake && reason.find(hang_up) != std::string::npos) {
      return reason + ": is this a listener without TLS?";
    }
  }
  return reason;
}

bool IsUnknownTopic(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

}  // namespace

KafkaClient::KafkaClient(KafkaClientOptions options)
    : address_(options.settings["bootstrap.servers"]),
      clock_(options.clock),
      on_delivered_(std::move(options.on_delivered)) {}

Result<std::shared_ptr<KafkaClient>> KafkaClient::New(KafkaClientOptions options) {
  options.settings["log.queue"] = "true";
  CDC_ASSIGN_OR_RETURN(Conf conf, MakeConf(options.settings));
  const rd_kafka_type_t role =
      options.role == KafkaRole::kConsumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
  const bool reports = options.on_delivered != nullptr;
  std::shared_ptr<KafkaClient> client(new KafkaClient(std::move(options)));
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), WriteLog);
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int code, const char* reason, void* self) {
    static_cast<KafkaClient*>(self)->OnError(code, reason);
  });
  if (reports) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(),
                                [](rd_kafka_t*, const rd_kafka_message_t* record, void* self) {
                                  static_cast<const KafkaClient*>(self)->OnDelivered(*record);
                                });
  }
  std::array<char, 512> text{};
  client->handle_ = rd_kafka_new(role, conf.get(), text.data(), text.size());
  if (client->handle_ == nullptr) {
    return InvalidArgumentError(text.data());
  }
  static_cast<void>(conf.release());  // the handle owns it now
  // nullptr: the log goes to the main queue, which Serve polls.
  rd_kafka_set_log_queue(client->handle_, nullptr);
  client->main_queue_.reset(rd_kafka_queue_get_main(client->handle_));
  return client;
}

KafkaClient::~KafkaClient() {
  main_queue_.reset();
  if (handle_ != nullptr) {
    rd_kafka_destroy(handle_);
  }
}

void KafkaClient::QueueCloser::operator()(rd_kafka_queue_s* queue) const {
  rd_kafka_queue_destroy(queue);
}

void KafkaClient::Serve() {
  while (rd_kafka_poll(handle_, 0) > 0) {
  }
}

void KafkaClient::SetWakeup(Wakeup* wakeup) {
  rd_kafka_queue_cb_event_enable(main_queue_.get(), wakeup == nullptr ? nullptr : SignalWakeup,
                                 wakeup);
}

void KafkaClient::OnError(int code, const char* reason) {
  const auto error = static_cast<rd_kafka_resp_err_t>(code);
  MutexLock lock(mutex_);
  switch (error) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      // Only a count, "2/2 brokers are down"; the reason came before. Closed connections are not
      // reported (log.connection.close), so there may be no reason: a ping then waits for one.
      failure_ = Unavailable(last_reason_.empty() ? reason : last_reason_ + "; " + reason);
      failures_ += last_reason_.empty() ? 0U : 1U;
      break;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__FATAL:
      last_reason_ = WithHint(reason);
      failure_ = Unavailable(last_reason_);
      ++failures_;
      break;
    default: last_reason_ = WithHint(reason);
  }
}

Status KafkaClient::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

uint64_t KafkaClient::failures() const {
  MutexLock lock(mutex_);
  return failures_;
}

void KafkaClient::ClearFailure() {
  MutexLock lock(mutex_);
  failure_ = OkStatus();
  last_reason_.clear();
}

Status KafkaClient::Unavailable(const std::string& what) const {
  return UnavailableError("kafka " + address_ + ": " + what);
}

Status KafkaClient::CallFailed(const std::string& call, int code) {
  Serve();
  {
    MutexLock lock(mutex_);
    if (!failure_.ok()) {
      return failure_;
    }
    if (!last_reason_.empty()) {
      return Unavailable(last_reason_);
    }
  }
  return Unavailable(call + ": " + rd_kafka_err2str(static_cast<rd_kafka_resp_err_t>(code)));
}

Status KafkaClient::Ping(milliseconds timeout, const std::stop_token& stop) {
  const auto deadline = clock_->Now() + timeout;
  const uint64_t failures = this->failures();
  // The call itself does not end early when it is hopeless, hence the slices. They grow for the
  // sake of a distant broker.
  for (milliseconds slice = kFirstSlice;; slice = std::min(slice * 2, kLastSlice)) {
    const rd_kafka_metadata_t* answer = nullptr;
    const auto code = rd_kafka_metadata(handle_, 0, nullptr, &answer,
                                        ToMs(std::min(slice, Left(*clock_, deadline))));
    const Metadata metadata(answer);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      Serve();
      ClearFailure();
      return OkStatus();
    }
    Serve();
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (Left(*clock_, deadline) == milliseconds(0) || this->failures() != failures) {
      return CallFailed("no broker answers", code);
    }
  }
}

Result<int> KafkaClient::CountPartitions(const std::string& name, milliseconds timeout) {
  // Only a local handle; nothing is created on the broker.
  const KafkaTopicHandle topic(rd_kafka_topic_new(handle_, name.c_str(), nullptr));
  if (topic == nullptr) {
    return InvalidArgumentError("topic " + name + ": " + rd_kafka_err2str(rd_kafka_last_error()));
  }
  const rd_kafka_metadata_t* answer = nullptr;
  const auto code = rd_kafka_metadata(handle_, 0, topic.get(), &answer, ToMs(timeout));
  const Metadata metadata(answer);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return CallFailed("asking for the topic", code);
  }
  ClearFailure();
  if (metadata->topic_cnt == 0 || IsUnknownTopic(metadata->topics[0].err)) {
    return 0;
  }
  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return KafkaError(found.err, rd_kafka_err2str(found.err)).WithContext("topic " + name);
  }
  return found.partition_cnt;
}

Result<std::optional<KafkaWatermarks>> KafkaClient::Watermarks(const std::string& topic,
                                                               int partition,
                                                               milliseconds timeout) {
  const auto deadline = clock_->Now() + timeout;
  // The query itself would wait for a topic that does not exist.
  CDC_ASSIGN_OR_RETURN(const int partitions, CountPartitions(topic, timeout));
  if (partition >= partitions) {
    return std::optional<KafkaWatermarks>();
  }
  KafkaWatermarks watermarks;
  const auto code =
      rd_kafka_query_watermark_offsets(handle_, topic.c_str(), partition, &watermarks.low,
                                       &watermarks.high, ToMs(Left(*clock_, deadline)));
  if (IsUnknownTopic(code)) {
    return std::optional<KafkaWatermarks>();
  }
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return CallFailed("asking for the offsets of topic " + topic, code);
  }
  Serve();
  return std::optional<KafkaWatermarks>(watermarks);
}

}  // namespace cdc
