#include "source/pulsar/pulsar_client.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/mutex.h"
#include "source/pulsar/pulsar_settings.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

// How long the library tries an operation before it gives up.
constexpr int kOperationSeconds = 5;
// It gives up by itself; this is for the case that it does not.
constexpr milliseconds kOpenTimeout{10'000};

// Values up to this size are copied, so that a tick held for long does not keep the whole buffer of
// its batch alive.
constexpr size_t kCopiedValue = 4096;

constexpr auto kHints = std::to_array<std::pair<const char*, const char*>>({
    {"amespace not found", "check tenant and namespace"},
    {"olicies not found", "check tenant and namespace"},
    {"enant", "check tenant and namespace"},
    {"uthenticat", "check authPlugin and authParams"},
    {"uthoriz", "check authPlugin and authParams"},
    {"certificate verify failed", "set tlsCACertPath"},
    {"Handshake failed", "is this a listener without TLS?"},
    {"the broker closes", "check authPlugin and authParams, and whether it expects pulsar+ssl"},
});

// The library has one logger for all of its clients, the first one's. What it says about
// connections is kept: its result codes say hardly more than that something failed.
struct Words {
  Mutex mutex;
  std::string last CDC_GUARDED_BY(mutex);
  uint64_t count CDC_GUARDED_BY(mutex) = 0;
  uint64_t count_when_connected CDC_GUARDED_BY(mutex) = 0;
};

// Never destroyed: the library has threads until the process ends.
Words& TheWords() {
  static Words& words = *new Words;
  return words;
}

// "[<none> -> pulsar://h:1] Failed … error: BrokerMetadataError msg: Namespace not found": the
// broker's own message, or else everything behind the addresses.
std::string Essence(std::string_view text) {
  if (const size_t message = text.find(" msg: "); message != std::string_view::npos) {
    return std::string(text.substr(message + std::strlen(" msg: ")));
  }
  const size_t behind = text.starts_with('[') ? text.find("] ") : std::string_view::npos;
  return std::string(behind == std::string_view::npos ? text : text.substr(behind + 2));
}

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

void Listen(int level, const char* file, int /*line*/, const char* text, void* /*context*/) {
  // The end of a connection is said after its cause.
  if (!Has(file, "ClientConnection") || Has(text, "Connection closed with")) {
    return;
  }
  Words& words = TheWords();
  MutexLock lock(words.mutex);
  if (level >= kPulsarWarn) {
    words.last = Essence(text);
    ++words.count;
  } else if (Has(text, "Connected to broker")) {
    words.count_when_connected = words.count;
  } else if (Has(text, "Connection disconnected") && words.count == words.count_when_connected) {
    // So it is if the broker does not accept us: the library keeps its words to itself.
    words.last = "the broker closes the connection";
    ++words.count;
  }
}

// What the thread that asks for a reader shares with the library's thread that has it.
struct Opening {
  explicit Opening(const PulsarLibrary& api) : library(api) {}

  const PulsarLibrary& library;
  Mutex mutex;
  CondVar changed;
  bool done CDC_GUARDED_BY(mutex) = false;
  bool abandoned CDC_GUARDED_BY(mutex) = false;
  int result CDC_GUARDED_BY(mutex) = kPulsarOk;
  pulsar_reader* reader CDC_GUARDED_BY(mutex) = nullptr;
};

void Close(const PulsarLibrary& library, pulsar_reader* reader) {
  library.reader_close_async(reader, [](int /*result*/, void* /*context*/) {}, nullptr);
  library.reader_free(reader);
}

void OnOpened(int result, pulsar_reader* reader, void* context) {
  const std::unique_ptr<std::shared_ptr<Opening>> holder(
      static_cast<std::shared_ptr<Opening>*>(context));
  Opening& opening = **holder;
  {
    MutexLock lock(opening.mutex);
    if (!opening.abandoned) {
      opening.result = result;
      opening.reader = result == kPulsarOk ? reader : nullptr;
      opening.done = true;
      opening.changed.NotifyAll();
      return;
    }
  }
  if (result == kPulsarOk) {
    Close(opening.library, reader);
  }
}

// Keeps the buffer of a record.
class MessageOwner {
 public:
  MessageOwner(const PulsarLibrary& library, pulsar_message* message)
      : library_(library), message_(message) {}
  ~MessageOwner() { library_.message_free(message_); }
  MessageOwner(const MessageOwner&) = delete;
  MessageOwner& operator=(const MessageOwner&) = delete;

 private:
  const PulsarLibrary& library_;
  pulsar_message* const message_;
};

// Frees `id`.
Result<PulsarId> Read(const PulsarLibrary& library, pulsar_message_id* id) {
  int size = 0;
  void* bytes = library.message_id_serialize(id, &size);
  const std::string text(static_cast<const char*>(bytes), static_cast<size_t>(size));
  std::free(bytes);
  library.message_id_free(id);
  return ParsePulsarId(text);
}

// The library frees the answer.
char* ReadToken(void* path) {
  const auto read = ReadFile(*static_cast<const std::string*>(path));
  std::string token = read.ok() ? *read : "";
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) {
    token.pop_back();
  }
  return strdup(token.c_str());
}

char* CopyToken(void* token) { return strdup(static_cast<const std::string*>(token)->c_str()); }

}  // namespace

Result<std::shared_ptr<PulsarClient>> PulsarClient::New(const PulsarOptions& options) {
  CDC_ASSIGN_OR_RETURN(const PulsarLibrary* const library, PulsarLibrary::Load(options.library));
  std::shared_ptr<PulsarClient> client(new PulsarClient(options, library));
  CDC_RETURN_IF_ERROR(client->Connect());
  return client;
}

Status PulsarClient::Connect() {
  CDC_ASSIGN_OR_RETURN(const std::string url, PulsarUrl(options_.address));
  CDC_ASSIGN_OR_RETURN(const PulsarAuth auth, PulsarAuthOf(options_));
  const PulsarLibrary& api = *library_;
  pulsar_authentication* credentials = nullptr;
  switch (auth.kind) {
    case PulsarAuthKind::kNone: break;
    case PulsarAuthKind::kTokenFile:
      CDC_RETURN_IF_ERROR(ReadFile(auth.first).status().WithContext("authParams"));
      token_ = auth.first;
      credentials = api.authentication_token_create_with_supplier(ReadToken, &token_);
      break;
    case PulsarAuthKind::kToken:
      token_ = auth.first;
      credentials = api.authentication_token_create_with_supplier(CopyToken, &token_);
      break;
    case PulsarAuthKind::kTls:
      credentials = api.authentication_tls_create(auth.first.c_str(), auth.second.c_str());
      break;
    case PulsarAuthKind::kBasic:
      credentials = api.authentication_basic_create(auth.first.c_str(), auth.second.c_str());
      break;
    case PulsarAuthKind::kOauth2:
      credentials = api.authentication_oauth2_create(auth.first.c_str());
      break;
    case PulsarAuthKind::kAthenz:
      credentials = api.authentication_athenz_create(auth.first.c_str());
      break;
  }
  pulsar_client_configuration* conf = api.client_configuration_create();
  api.client_configuration_set_operation_timeout_seconds(conf, kOperationSeconds);
  api.client_configuration_set_stats_interval_in_seconds(conf, 0);
  api.client_configuration_set_validate_hostname(conf, 1);
  api.client_configuration_set_logger_t(
      conf, {.context = nullptr,
             .is_enabled = [](int level, void*) { return level >= kPulsarInfo; },
             .log = Listen});
  if (!options_.tls_ca_file.empty()) {
    api.client_configuration_set_tls_trust_certs_file_path(conf, options_.tls_ca_file.c_str());
  }
  if (credentials != nullptr) {
    api.client_configuration_set_auth(conf, credentials);
    api.authentication_free(credentials);
  }
  Status status;
  try {  // the C API lets exceptions of its C++ through
    handle_ = api.client_create(url.c_str(), conf);
  } catch (const std::exception& error) {
    status = InvalidArgumentError("address " + options_.address + ": " + error.what());
  }
  api.client_configuration_free(conf);
  return status;
}

PulsarClient::~PulsarClient() {
  if (handle_ != nullptr) {
    library_->client_free(handle_);
  }
}

uint64_t PulsarClient::Mark() {
  Words& words = TheWords();
  MutexLock lock(words.mutex);
  return words.count;
}

Status PulsarClient::Failure(const std::string& call, int result, uint64_t mark) const {
  std::string why = call + ": " + library_->result_str(result);
  {
    Words& words = TheWords();
    MutexLock lock(words.mutex);
    if (words.count > mark) {
      why = words.last;
    }
  }
  if (result == kPulsarAuthenticationError || result == kPulsarAuthorizationError) {
    why = std::string(library_->result_str(result)) + ": " + why;
  }
  for (const auto& [part, hint] : kHints) {
    if (Has(why, part)) {
      why += std::string("; ") + hint;
      break;
    }
  }
  why = "pulsar " + options_.address + ": " + why;
  switch (result) {
    case kPulsarTopicNotFound: return NotFoundError(why);
    case kPulsarInvalidTopicName: return InvalidArgumentError(why + "; check tenant and namespace");
    case kPulsarInvalidUrl:
    case kPulsarInvalidConfiguration: return InvalidArgumentError(why);
    default: return UnavailableError(why);
  }
}

Status PulsarClient::Ping() {
  const uint64_t mark = Mark();
  pulsar_string_list* partitions = nullptr;
  const std::string topic =
      PulsarTopic(options_, options_.known_channel.empty() ? "milvus-cdc" : options_.known_channel);
  const int result = library_->client_get_topic_partitions(handle_, topic.c_str(), &partitions);
  if (result != kPulsarOk) {
    return Failure("look up " + topic, result, mark);
  }
  library_->string_list_free(partitions);
  return OkStatus();
}

Result<std::unique_ptr<PulsarTopicReader>> PulsarClient::Open(const std::string& channel,
                                                              const PulsarStart& start,
                                                              int records,
                                                              const std::stop_token& stop) {
  const PulsarLibrary& api = *library_;
  const uint64_t mark = Mark();
  const std::string topic = PulsarTopic(options_, channel);
  pulsar_reader_configuration* conf = api.reader_configuration_create();
  api.reader_configuration_set_reader_name(conf, "milvus-cdc");
  api.reader_configuration_set_receiver_queue_size(conf, records);
  auto opening = std::make_shared<Opening>(api);
  auto holder = std::make_unique<std::shared_ptr<Opening>>(opening);
  // The library copies the id and the configuration.
  const auto create = [&](const pulsar_message_id* id) {
    api.client_create_reader_async(handle_, topic.c_str(), id, conf, OnOpened, holder.release());
  };
  switch (start.kind) {
    case PulsarStart::Kind::kOldest: create(api.message_id_earliest()); break;
    case PulsarStart::Kind::kNewest: create(api.message_id_latest()); break;
    case PulsarStart::Kind::kAfterEntry: {
      const std::string bytes = BytesOfEntry(start.ledger, start.entry);
      pulsar_message_id* id =
          api.message_id_deserialize(bytes.data(), static_cast<uint32_t>(bytes.size()));
      create(id);
      api.message_id_free(id);
      break;
    }
  }
  api.reader_configuration_free(conf);
  MutexLock lock(opening->mutex);
  if (!opening->changed.WaitFor(lock, stop, kOpenTimeout, [&] { return opening->done; })) {
    opening->abandoned = true;
    return stop.stop_requested() ? CancelledError("stopped")
                                 : Failure("open " + topic, kPulsarTimeout, mark);
  }
  if (opening->result != kPulsarOk) {
    return Failure("open " + topic, opening->result, mark);
  }
  return std::make_unique<PulsarTopicReader>(shared_from_this(), opening->reader);
}

PulsarTopicReader::~PulsarTopicReader() { Close(library_, reader_); }

Result<std::optional<PulsarRecord>> PulsarTopicReader::Next(milliseconds timeout) {
  const uint64_t mark = PulsarClient::Mark();
  pulsar_message* message = nullptr;
  const int result =
      library_.reader_read_next_with_timeout(reader_, &message, static_cast<int>(timeout.count()));
  if (result == kPulsarTimeout) {
    return std::optional<PulsarRecord>();
  }
  if (result != kPulsarOk) {
    return client_->Failure("read", result, mark);
  }
  auto owner = std::make_shared<const MessageOwner>(library_, message);
  CDC_ASSIGN_OR_RETURN(const PulsarId id, Read(library_, library_.message_get_message_id(message)));
  PulsarRecord record{
      .id = id,
      .payload = {},
      .published_ms = static_cast<int64_t>(library_.message_get_publish_timestamp(message)),
      .wal = ReadWalProperties(
          [&](const char* name) { return library_.message_get_property(message, name); })};
  const std::string_view value(static_cast<const char*>(library_.message_get_data(message)),
                               library_.message_get_length(message));
  if (value.size() <= kCopiedValue) {
    record.payload = Payload::Own(std::string(value));
  } else {
    record.payload = {std::move(owner), value};
  }
  return std::optional<PulsarRecord>(std::move(record));
}

bool PulsarTopicReader::connected() const { return library_.reader_is_connected(reader_) != 0; }

Result<std::optional<PulsarId>> PulsarTopicReader::Newest() {
  const uint64_t mark = PulsarClient::Mark();
  const std::string bytes = BytesOfEntry(0, 0);
  pulsar_message_id* id =
      library_.message_id_deserialize(bytes.data(), static_cast<uint32_t>(bytes.size()));
  const int result = library_.reader_get_last_message_id(reader_, id);
  if (result != kPulsarOk) {
    library_.message_id_free(id);
    return client_->Failure("ask for the newest record", result, mark);
  }
  CDC_ASSIGN_OR_RETURN(const PulsarId newest, Read(library_, id));
  return newest.entry < 0 ? std::optional<PulsarId>() : std::optional<PulsarId>(newest);
}

}  // namespace cdc
