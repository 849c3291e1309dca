#include "source/pulsar/pulsar_library.h"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include <dlfcn.h>

#include "base/mutex.h"

namespace cdc {
namespace {

constexpr const char* kFile = "libpulsar.so";
constexpr const char* kLastMessageId = "_ZN6pulsar6Reader16getLastMessageIdERNS_9MessageIdE";

Mutex load_mutex;
void* loaded CDC_GUARDED_BY(load_mutex) = nullptr;

// Fills a PulsarLibrary and remembers what is missing.
class Binder {
 public:
  explicit Binder(void* library) : library_(library) {}

  template <class Function>
  void Bind(const char* name, Function** function) {
    *function = reinterpret_cast<Function*>(dlsym(library_, name));
    if (*function == nullptr && missing_.empty()) {
      missing_ = name;
    }
  }

  const std::string& missing() const { return missing_; }

 private:
  void* const library_;
  std::string missing_;
};

std::string BindAll(void* handle, PulsarLibrary* library) {
  Binder binder(handle);
#define CDC_PULSAR_BIND(name) binder.Bind("pulsar_" #name, &library->name)
  CDC_PULSAR_BIND(result_str);
  CDC_PULSAR_BIND(client_configuration_create);
  CDC_PULSAR_BIND(client_configuration_free);
  CDC_PULSAR_BIND(client_configuration_set_auth);
  CDC_PULSAR_BIND(client_configuration_set_logger_t);
  CDC_PULSAR_BIND(client_configuration_set_operation_timeout_seconds);
  CDC_PULSAR_BIND(client_configuration_set_stats_interval_in_seconds);
  CDC_PULSAR_BIND(client_configuration_set_tls_trust_certs_file_path);
  CDC_PULSAR_BIND(client_configuration_set_validate_hostname);
  CDC_PULSAR_BIND(authentication_athenz_create);
  CDC_PULSAR_BIND(authentication_basic_create);
  CDC_PULSAR_BIND(authentication_free);
  CDC_PULSAR_BIND(authentication_oauth2_create);
  CDC_PULSAR_BIND(authentication_tls_create);
  CDC_PULSAR_BIND(authentication_token_create_with_supplier);
  CDC_PULSAR_BIND(client_create);
  CDC_PULSAR_BIND(client_free);
  CDC_PULSAR_BIND(client_get_topic_partitions);
  CDC_PULSAR_BIND(string_list_free);
  CDC_PULSAR_BIND(reader_configuration_create);
  CDC_PULSAR_BIND(reader_configuration_free);
  CDC_PULSAR_BIND(reader_configuration_set_reader_name);
  CDC_PULSAR_BIND(reader_configuration_set_receiver_queue_size);
  CDC_PULSAR_BIND(client_create_reader_async);
  CDC_PULSAR_BIND(reader_close_async);
  CDC_PULSAR_BIND(reader_free);
  CDC_PULSAR_BIND(reader_is_connected);
  CDC_PULSAR_BIND(reader_read_next_with_timeout);
  CDC_PULSAR_BIND(message_free);
  CDC_PULSAR_BIND(message_get_data);
  CDC_PULSAR_BIND(message_get_length);
  CDC_PULSAR_BIND(message_get_message_id);
  CDC_PULSAR_BIND(message_get_property);
  CDC_PULSAR_BIND(message_get_publish_timestamp);
  CDC_PULSAR_BIND(message_id_deserialize);
  CDC_PULSAR_BIND(message_id_earliest);
  CDC_PULSAR_BIND(message_id_free);
  CDC_PULSAR_BIND(message_id_latest);
  CDC_PULSAR_BIND(message_id_serialize);
#undef CDC_PULSAR_BIND
  binder.Bind(kLastMessageId, &library->reader_get_last_message_id);
  return binder.missing();
}

std::vector<std::string> Places(const std::string& path) {
  const auto file = [](const std::filesystem::path& place) {
    std::error_code ignored;
    return (std::filesystem::is_directory(place, ignored) ? place / kFile : place).string();
  };
  if (!path.empty()) {
    return {file(path)};
  }
  std::vector<std::string> places;
  if (const char* named = std::getenv("PULSAR_CLIENT_LIBRARY"); named != nullptr) {
    places.push_back(file(named));
  }
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  places.push_back((program.parent_path() / kFile).string());
  places.emplace_back(kFile);
  return places;
}

Status Open(const std::string& path, void** handle) {
  std::string why;
  for (const std::string& place : Places(path)) {
    *handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (*handle != nullptr) {
      return OkStatus();
    }
    why = dlerror();
  }
  return FailedPreconditionError(
      "Apache's client for Pulsar is missing: install the Debian package apache-pulsar-client, or "
      "name its libpulsar.so in sourceConfig.pulsar.library: " +
      why);
}

}  // namespace

Result<const PulsarLibrary*> PulsarLibrary::Load(const std::string& path) {
  static PulsarLibrary library;
  MutexLock lock(load_mutex);
  if (loaded == nullptr) {
    void* handle = nullptr;
    CDC_RETURN_IF_ERROR(Open(path, &handle));
    if (const std::string missing = BindAll(handle, &library); !missing.empty()) {
      dlclose(handle);
      return FailedPreconditionError("this libpulsar.so is too old, it lacks " + missing +
                                     ": install a newer apache-pulsar-client");
    }
    // Never unloaded: it has threads, and payloads may outlive every client.
    loaded = handle;
  }
  return &library;
}

void* PulsarLibrary::Symbol(const char* name) {
  MutexLock lock(load_mutex);
  return loaded == nullptr ? nullptr : dlsym(loaded, name);
}

}  // namespace cdc
