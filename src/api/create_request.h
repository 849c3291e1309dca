#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/request_reader.h"
#include "base/status.h"
#include "model/task.h"

namespace cdc {

// The files for a TLS target under the names clients use: `server_pem` is a certificate authority
// too, used without a client certificate.
struct DialConfig {
  std::string server_name;
  std::string server_pem_path;
  std::string ca_pem_path;
  std::string client_pem_path;
  std::string client_key_path;
};

// A create request as received, before any validation.
struct CreateRequest {
  TaskSpec spec;
  std::string start_from;                 // "": latest
  std::vector<std::string> entry_starts;  // those of entries that have no meaning
  std::string stop_at;                    // "": none
  std::string snapshot_from;              // "": storage
  std::string snapshot_index;             // "": after
  std::string snapshot_log;               // "": auto
  std::string on_expired;                 // "": stop
  std::string on_collection_error;        // "": set_aside
  std::string on_undecodable;             // "": stop
  std::string sink_mode;                  // "": auto
  DialConfig dial;
  std::string kafka_address;
  std::string kafka_topic;
  std::vector<std::string> exclude_collections;  // a key of our answers, sent back
};

struct CreateLimits {
  int max_name_length = 256;  // bytes
  std::string replicate_channel;
};

// Reads what has the right type; the reader collects the errors.
CreateRequest ReadCreateRequest(const RequestReader& reader);

// By the lenient rules. kInvalidArgument: wrong types, "N error(s) decoding: …".
Result<CreateRequest> DecodeCreateRequest(const nlohmann::json& data);

// kInvalidArgument: neither "stop" nor "skip".
Result<OnUndecodable> ReadOnUndecodable(const std::string& name);

// A time (ParseSourceTime) or "0", which means no end. kInvalidArgument: neither.
Result<Timestamp> ReadStopAt(const std::string& text);

// Runs all checks that need neither the target nor the other tasks, in the order and with the texts
// clients know; returns the task's specification. kInvalidArgument: invalid, or requests something
// that cannot be replicated yet. `field`: receives the name of the field that an error is about.
Result<TaskSpec> ValidateCreate(const CreateRequest& request,
                                const CreateLimits& limits,
                                std::string* field = nullptr);

}  // namespace cdc
