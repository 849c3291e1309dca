#include "api/create_request.h"

#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "api/request_reader.h"
#include "control/stop_at.h"
#include "model/ids.h"
#include "model/source_time.h"
#include "scope/check_scope.h"
#include "scope/name_mapping.h"
#include "scope/scope.h"

namespace cdc {
namespace {

using Infos = std::vector<CollectionInfo>;

constexpr int kMaxPort = 65535;

CollectionInfo ReadCollectionInfo(const RequestReader& reader, CreateRequest* request) {
  CollectionInfo info;
  reader.Read("name", &info.name);
  reader.Read("positions", &info.positions);
  reader.Read("use_start_position", &info.use_start_position);
  std::string start;
  reader.Read("start_from", &start);
  info.start_from = ParseStartFrom(start);
  if (!start.empty() && !info.start_from) {
    request->entry_starts.push_back(start);
  }
  return info;
}

// In Milvus an empty database means the default one.
NameMapping ReadNameMapping(const RequestReader& reader) {
  NameMapping mapping;
  reader.Read("source_db", &mapping.source_database);
  reader.Read("target_db", &mapping.target_database);
  reader.Read("collection_mapping", &mapping.collections);
  for (std::string* database : {&mapping.source_database, &mapping.target_database}) {
    *database = database->empty() ? kDefaultDatabase : *database;
  }
  return mapping;
}

void ReadDialConfig(const RequestReader& reader, DialConfig* dial) {
  reader.Read("server_name", &dial->server_name);
  reader.Read("server_pem_path", &dial->server_pem_path);
  reader.Read("ca_pem_path", &dial->ca_pem_path);
  reader.Read("client_pem_path", &dial->client_pem_path);
  reader.Read("client_key_path", &dial->client_key_path);
}

// Existing clients send incomplete settings, which never had an effect: they still have none.
TlsOptions TlsOf(const CreateRequest& request) {
  const DialConfig& dial = request.dial;
  const TlsOptions tls{
      .server_name = dial.server_name,
      .authority_path = dial.server_pem_path.empty() ? dial.ca_pem_path : dial.server_pem_path,
      .certificate_path = dial.client_pem_path,
      .key_path = dial.client_key_path};
  if (tls.empty()) {
    return tls;
  }
  if (request.spec.target.ResolvedUri().rfind("https://", 0) != 0) {
    spdlog::warn("target={} dial_config has no effect: it is for a target with https:// in its uri",
                 request.spec.target.ResolvedUri());
    return {};
  }
  const bool mutual = !dial.ca_pem_path.empty();
  if (dial.client_pem_path.empty() == mutual || dial.client_key_path.empty() == mutual ||
      (mutual && !dial.server_pem_path.empty())) {
    spdlog::warn(
        "target={} dial_config has no effect: it needs either server_pem_path, or all of "
        "ca_pem_path, client_pem_path and client_key_path",
        request.spec.target.ResolvedUri());
    return {};
  }
  return tls;
}

void ReadTarget(const RequestReader& reader, CreateRequest* request) {
  MilvusConnectParam& target = request->spec.target;
  reader.Read("uri", &target.uri);
  reader.ReadSecret("token", &target.token);
  reader.Read("host", &target.host);
  reader.Read("port", &target.port, 0, kMaxPort);
  reader.Read("enable_tls", &target.enable_tls);
  reader.ReadSecret("username", &target.username);
  reader.ReadSecret("password", &target.password);
  reader.Read("channel_num", &target.channel_num);
  reader.Read("connect_timeout", &target.connect_timeout);
  reader.Read("ignore_partition", &target.ignore_partition);
  reader.Object("dial_config",
                [request](const RequestReader& dial) { ReadDialConfig(dial, &request->dial); });
}

void ReadCollections(const RequestReader& reader, CreateRequest* request) {
  TaskSpec* const spec = &request->spec;
  reader.List("collection_infos", [request](const RequestReader& element) {
    request->spec.collection_infos.push_back(ReadCollectionInfo(element, request));
  });
  Infos* infos = nullptr;
  reader.MapOfLists(
      "db_collections",
      // In Milvus an empty database means the default one.
      [spec, &infos](const std::string& database) {
        infos = &spec->db_collections[database.empty() ? kDefaultDatabase : database];
      },
      [request, &infos](const RequestReader& element) {
        infos->push_back(ReadCollectionInfo(element, request));
      });
}

// A vchannel is "<pchannel>_<collection id>v<n>".
bool LooksLikeVchannel(const std::string& name) {
  const size_t underscore = name.rfind('_');
  return underscore != std::string::npos && name.find('v', underscore) != std::string::npos;
}

Status CheckAddress(const CreateRequest& request) {
  const MilvusConnectParam& target = request.spec.target;
  const bool milvus = !target.uri.empty() || !target.host.empty() || target.port != 0;
  const bool kafka = !request.kafka_address.empty();
  if (!milvus && !kafka) {
    return InvalidArgumentError("the downstream address is empty");
  }
  if (milvus && kafka) {
    return InvalidArgumentError("don't support milvus and kafka at the same time now");
  }
  if (kafka) {
    return InvalidArgumentError(request.kafka_topic.empty()
                                    ? "the kafka topic is empty"
                                    : "kafka as a target is not supported yet");
  }
  if (target.uri.empty() && target.host.empty()) {
    return InvalidArgumentError("the milvus host is empty");
  }
  if (target.uri.empty() && target.port <= 0 && target.host.find("://") == std::string::npos) {
    return InvalidArgumentError("the milvus port is less or equal zero");
  }
  if (target.username.empty() != target.password.empty()) {
    return InvalidArgumentError("cannot set only one of the milvus username and password");
  }
  if (target.connect_timeout < 0) {
    return InvalidArgumentError("the milvus connect timeout is less zero");
  }
  // Answers and logs show the uri.
  if (target.ResolvedUri().find('@') != std::string::npos) {
    return InvalidArgumentError(
        "the milvus uri must not hold credentials, they belong into the token");
  }
  return OkStatus();
}

Status CheckBuffer(const CreateRequest& request) {
  if (request.spec.buffer_period < 0) {
    return InvalidArgumentError("the cache period is less zero");
  }
  if (request.spec.buffer_size < 0) {
    return InvalidArgumentError("the cache size is less zero");
  }
  return OkStatus();
}

Status CheckPositions(const Infos& infos) {
  for (const CollectionInfo& info : infos) {
    if (!info.positions.empty() && info.name.find_first_of("*?") != std::string::npos) {
      return InvalidArgumentError("the collection name is `" + info.name +
                                  "`, the positions should be empty");
    }
  }
  for (const CollectionInfo& info : infos) {
    for (const auto& [channel, position] : info.positions) {
      if (!LooksLikeVchannel(channel)) {
        return InvalidArgumentError("the position channel name is not virtual channel, " + channel);
      }
    }
  }
  return OkStatus();
}

Status CheckNames(const Infos& infos, int max_length) {
  std::string long_names;
  for (const CollectionInfo& info : infos) {
    if (info.name.empty()) {
      return InvalidArgumentError("there is a collection name that is empty. ");
    }
    if (info.name.size() > static_cast<size_t>(max_length)) {
      long_names += (long_names.empty() ? "" : " ") + info.name;
    }
  }
  if (!long_names.empty()) {
    return InvalidArgumentError("there are some collection names whose length exceeds " +
                                std::to_string(max_length) + " characters, [" + long_names + "]");
  }
  for (const CollectionInfo& info : infos) {
    // A task stores names as "db.collection", and no collection in Milvus has a dot in its name.
    if (info.name.find('.') != std::string::npos) {
      return InvalidArgumentError("the collection name must not contain a dot, [" + info.name +
                                  "]; one of another database goes into db_collections");
    }
    CDC_RETURN_IF_ERROR(CheckNamePattern("collection name", info.name));
  }
  return OkStatus();
}

Status CheckDatabases(const TaskSpec& spec, int max_length) {
  for (const auto& [database, infos] : spec.db_collections) {
    if (database.size() > static_cast<size_t>(max_length)) {
      return InvalidArgumentError("the db name length exceeds " + std::to_string(max_length) +
                                  " characters, " + database);
    }
    if (database.find('.') != std::string::npos) {
      return InvalidArgumentError("the db name must not contain a dot, [" + database + "]");
    }
    CDC_RETURN_IF_ERROR(CheckNamePattern("db name", database));
  }
  for (const auto& [database, infos] : spec.db_collections) {
    if (infos.empty()) {
      return InvalidArgumentError("empty collection info");
    }
  }
  return OkStatus();
}

Status CheckCollections(const TaskSpec& spec, int max_length) {
  if (spec.collection_infos.empty() && spec.db_collections.empty()) {
    return InvalidArgumentError("the collection info is empty");
  }
  CDC_RETURN_IF_ERROR(CheckDatabases(spec, max_length));
  Infos all = spec.collection_infos;
  for (const auto& [database, infos] : spec.db_collections) {
    all.insert(all.end(), infos.begin(), infos.end());
  }
  CDC_RETURN_IF_ERROR(CheckPositions(all));
  CDC_RETURN_IF_ERROR(CheckNames(all, max_length));
  return CheckExclude(spec, max_length);
}

const char* CollectionsField(const TaskSpec& spec) {
  return spec.db_collections.empty() ? "collection_infos" : "db_collections";
}

// Keys that a client can only have from our answers are refused, never ignored.
Status CheckNoAnswer(const CreateRequest& request) {
  if (!request.exclude_collections.empty()) {
    return InvalidArgumentError(
        "exclude_collections says in answers what a task leaves to older ones; what this one is to "
        "leave out goes into exclude");
  }
  return OkStatus();
}

// Reads a name of an enumeration; an empty text leaves `value` as it is.
template <typename Enum>
Status ReadChoice(const std::string& key,
                  const std::string& text,
                  std::optional<Enum> (*parse)(std::string_view),
                  const std::string& choices,
                  Enum* value) {
  const std::optional<Enum> read = parse(text);
  if (!read && !text.empty()) {
    return InvalidArgumentError(key + " can be set to [" + choices + "], got " + text);
  }
  *value = read.value_or(*value);
  return OkStatus();
}

Status ReadStartFrom(const std::string& text, StartFrom* start) {
  return ReadChoice("start_from", text, ParseStartFrom, "latest earliest snapshot", start);
}

// A copy shows what is there when it is made, so a row that was there at the end may be missing, or
// a later one may come with it.
Status SetStopAt(const std::string& text, TaskSpec* spec) {
  if (text.empty()) {
    return OkStatus();
  }
  CDC_ASSIGN_OR_RETURN(spec->stop_at, ReadStopAt(text));
  if (spec->stop_at == Timestamp{}) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(CheckPoliciesWithEnd(*spec));
  if (CopiesStoredRows(*spec)) {
    return InvalidArgumentError(
        "a copy of stored rows does not show what was there at stop_at: use start_from earliest, "
        "or create the task without it and resume it with it once the copy is done");
  }
  return OkStatus();
}

}  // namespace

CreateRequest ReadCreateRequest(const RequestReader& reader) {
  CreateRequest request;
  reader.Read("task_id", &request.spec.id);
  reader.Object("milvus_connect_param",
                [&request](const RequestReader& target) { ReadTarget(target, &request); });
  reader.Object("kafka_connect_param", [&request](const RequestReader& kafka) {
    kafka.Read("address", &request.kafka_address);
    kafka.Read("topic", &request.kafka_topic);
  });
  ReadCollections(reader, &request);
  reader.Read("exclude", &request.spec.exclude);
  reader.Read("exclude_collections", &request.exclude_collections);
  reader.List("name_mapping", [&request](const RequestReader& element) {
    request.spec.name_mapping.push_back(ReadNameMapping(element));
  });
  reader.Object("rpc_channel_info", [&request](const RequestReader& rpc) {
    rpc.Read("name", &request.spec.rpc_channel_name);
    rpc.Read("position", &request.spec.rpc_channel_position);
  });
  reader.Object("extra_info", [&request](const RequestReader& extra) {
    extra.Read("enable_user_role", &request.spec.enable_user_role);
  });
  reader.Object("buffer_config", [&request](const RequestReader& buffer) {
    buffer.Read("period", &request.spec.buffer_period);
    buffer.Read("size", &request.spec.buffer_size);
  });
  reader.Read("disable_auto_start", &request.spec.disable_auto_start);
  reader.Read("sync_index", &request.spec.sync_index);
  reader.Read("sync_load", &request.spec.sync_load);
  reader.Read("dry_run", &request.spec.dry_run);
  reader.Read("start_from", &request.start_from);
  reader.ReadTime("stop_at", &request.stop_at);
  reader.Object("snapshot", [&request](const RequestReader& snapshot) {
    snapshot.Read("from", &request.snapshot_from);
    snapshot.Read("index", &request.snapshot_index);
    snapshot.Read("log", &request.snapshot_log);
  });
  reader.Read("on_expired", &request.on_expired);
  reader.Read("on_collection_error", &request.on_collection_error);
  reader.Read("on_undecodable", &request.on_undecodable);
  reader.Read("sink_mode", &request.sink_mode);
  return request;
}

Result<CreateRequest> DecodeCreateRequest(const nlohmann::json& data) {
  std::vector<FieldError> errors;
  CreateRequest request = ReadCreateRequest(RequestReader(data, "", &errors));
  CDC_RETURN_IF_ERROR(DecodeErrors(errors));
  return request;
}

Result<OnUndecodable> ReadOnUndecodable(const std::string& name) {
  OnUndecodable policy{};
  CDC_RETURN_IF_ERROR(ReadChoice("on_undecodable", name, ParseOnUndecodable, "stop skip", &policy));
  return policy;
}

Result<Timestamp> ReadStopAt(const std::string& text) {
  return text == "0" ? Timestamp{} : ParseSourceTime(text);
}

Result<TaskSpec> ValidateCreate(const CreateRequest& request,
                                const CreateLimits& limits,
                                std::string* field) {
  const auto about = [field](const char* name, Status status) {
    if (!status.ok() && field != nullptr) {
      *field = name;
    }
    return status;
  };
  CDC_RETURN_IF_ERROR(about("milvus_connect_param", CheckAddress(request)));
  CDC_RETURN_IF_ERROR(about("buffer_config", CheckBuffer(request)));
  CDC_RETURN_IF_ERROR(about(CollectionsField(request.spec),
                            CheckCollections(request.spec, limits.max_name_length)));
  if (!request.spec.rpc_channel_name.empty() &&
      request.spec.rpc_channel_name != limits.replicate_channel) {
    return about("rpc_channel_info.name",
                 InvalidArgumentError("the rpc channel is invalid, the channel name should be the "
                                      "same as the source config"));
  }
  CDC_RETURN_IF_ERROR(about("exclude_collections", CheckNoAnswer(request)));
  CDC_RETURN_IF_ERROR(
      about("name_mapping", CheckNameMapping(request.spec, limits.max_name_length)));
  TaskSpec spec = request.spec;
  spec.target.tls = TlsOf(request);
  for (const std::string& text : request.entry_starts) {
    StartFrom ignored{};
    CDC_RETURN_IF_ERROR(about(CollectionsField(request.spec), ReadStartFrom(text, &ignored)));
  }
  CDC_RETURN_IF_ERROR(about("start_from", ReadStartFrom(request.start_from, &spec.start_from)));
  CDC_RETURN_IF_ERROR(
      about("snapshot.from", ReadChoice("snapshot.from", request.snapshot_from, ParseSnapshotFrom,
                                        "storage query", &spec.snapshot.from)));
  CDC_RETURN_IF_ERROR(about("snapshot.index",
                            ReadChoice("snapshot.index", request.snapshot_index, ParseSnapshotIndex,
                                       "before after", &spec.snapshot.index)));
  CDC_RETURN_IF_ERROR(
      about("snapshot.log", ReadChoice("snapshot.log", request.snapshot_log, ParseSnapshotLog,
                                       "auto wait apply", &spec.snapshot.log)));
  CDC_RETURN_IF_ERROR(
      about("on_expired", ReadChoice("on_expired", request.on_expired, ParseOnExpired,
                                     "stop snapshot", &spec.on_expired)));
  CDC_RETURN_IF_ERROR(
      about("on_collection_error",
            ReadChoice("on_collection_error", request.on_collection_error, ParseOnCollectionError,
                       "set_aside pause", &spec.on_collection_error)));
  CDC_RETURN_IF_ERROR(
      about("on_undecodable", ReadChoice("on_undecodable", request.on_undecodable,
                                         ParseOnUndecodable, "stop skip", &spec.on_undecodable)));
  CDC_RETURN_IF_ERROR(about("sink_mode", ReadChoice("sink_mode", request.sink_mode, ParseSinkMode,
                                                    "auto api replicate", &spec.sink_mode)));
  CDC_RETURN_IF_ERROR(about("stop_at", SetStopAt(request.stop_at, &spec)));
  return spec;
}

}  // namespace cdc
