#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace cdc {

// What we call of the C API of Apache's client. Its headers are not needed: every type is opaque.

struct pulsar_authentication;
struct pulsar_client;
struct pulsar_client_configuration;
struct pulsar_message;
struct pulsar_message_id;
struct pulsar_reader;
struct pulsar_reader_configuration;
struct pulsar_string_list;

// pulsar_result
inline constexpr int kPulsarOk = 0;
inline constexpr int kPulsarInvalidConfiguration = 2;
inline constexpr int kPulsarTimeout = 3;
inline constexpr int kPulsarAuthenticationError = 7;
inline constexpr int kPulsarAuthorizationError = 8;
inline constexpr int kPulsarNotConnected = 14;
inline constexpr int kPulsarInvalidTopicName = 21;
inline constexpr int kPulsarInvalidUrl = 22;
inline constexpr int kPulsarTopicNotFound = 29;

// pulsar_logger_level_t
inline constexpr int kPulsarInfo = 1;
inline constexpr int kPulsarWarn = 2;

// pulsar_logger_t
struct PulsarLogger {
  void* context;
  bool (*is_enabled)(int level, void* context);
  void (*log)(int level, const char* file, int line, const char* text, void* context);
};

using PulsarReaderCallback = void (*)(int result, pulsar_reader* reader, void* context);
using PulsarResultCallback = void (*)(int result, void* context);

// The functions are named after the library's, without "pulsar_".
struct PulsarLibrary {
  // Loads it at the first call and keeps it for good. It is searched for at `path`, which may be a
  // folder; without it, as $PULSAR_CLIENT_LIBRARY names it, beside this program, and where the
  // system looks.
  //
  // kFailedPrecondition: it was not found, or it lacks a function. Names what to install.
  static Result<const PulsarLibrary*> Load(const std::string& path);

  const char* (*result_str)(int result);

  pulsar_client_configuration* (*client_configuration_create)();
  void (*client_configuration_free)(pulsar_client_configuration*);
  void (*client_configuration_set_auth)(pulsar_client_configuration*, pulsar_authentication*);
  void (*client_configuration_set_logger_t)(pulsar_client_configuration*, PulsarLogger);
  void (*client_configuration_set_operation_timeout_seconds)(pulsar_client_configuration*, int);
  void (*client_configuration_set_stats_interval_in_seconds)(pulsar_client_configuration*,
                                                             unsigned int);
  void (*client_configuration_set_tls_trust_certs_file_path)(pulsar_client_configuration*,
                                                             const char*);
  void (*client_configuration_set_validate_hostname)(pulsar_client_configuration*, int);

  pulsar_authentication* (*authentication_athenz_create)(const char* parameters);
  pulsar_authentication* (*authentication_basic_create)(const char* user, const char* password);
  void (*authentication_free)(pulsar_authentication*);
  pulsar_authentication* (*authentication_oauth2_create)(const char* parameters);
  pulsar_authentication* (*authentication_tls_create)(const char* certificate, const char* key);
  // The supplier's answer comes from malloc.
  pulsar_authentication* (*authentication_token_create_with_supplier)(char* (*supplier)(void*),
                                                                      void* context);

  pulsar_client* (*client_create)(const char* url, const pulsar_client_configuration*);
  void (*client_free)(pulsar_client*);
  int (*client_get_topic_partitions)(pulsar_client*, const char* topic, pulsar_string_list**);
  void (*string_list_free)(pulsar_string_list*);

  pulsar_reader_configuration* (*reader_configuration_create)();
  void (*reader_configuration_free)(pulsar_reader_configuration*);
  void (*reader_configuration_set_reader_name)(pulsar_reader_configuration*, const char*);
  void (*reader_configuration_set_receiver_queue_size)(pulsar_reader_configuration*, int);
  void (*client_create_reader_async)(pulsar_client*,
                                     const char* topic,
                                     const pulsar_message_id* begin_after,
                                     pulsar_reader_configuration*,
                                     PulsarReaderCallback,
                                     void* context);
  void (*reader_close_async)(pulsar_reader*, PulsarResultCallback, void* context);
  void (*reader_free)(pulsar_reader*);
  int (*reader_is_connected)(pulsar_reader*);
  int (*reader_read_next_with_timeout)(pulsar_reader*, pulsar_message**, int milliseconds);

  void (*message_free)(pulsar_message*);
  const void* (*message_get_data)(pulsar_message*);
  uint32_t (*message_get_length)(pulsar_message*);
  pulsar_message_id* (*message_get_message_id)(pulsar_message*);
  // "" if there is none.
  const char* (*message_get_property)(pulsar_message*, const char* name);
  uint64_t (*message_get_publish_timestamp)(pulsar_message*);

  pulsar_message_id* (*message_id_deserialize)(const void* bytes, uint32_t size);
  const pulsar_message_id* (*message_id_earliest)();
  void (*message_id_free)(pulsar_message_id*);
  const pulsar_message_id* (*message_id_latest)();
  // The bytes come from malloc.
  void* (*message_id_serialize)(pulsar_message_id*, int* size);

  // The C API does not pass on this method of pulsar::Reader: Result getLastMessageId(MessageId&).
  // Its handles hold nothing but the C++ objects, so they take their place.
  int (*reader_get_last_message_id)(pulsar_reader*, pulsar_message_id* last);

  // For tests: any other function; nullptr if there is none.
  static void* Symbol(const char* name);
};

}  // namespace cdc
