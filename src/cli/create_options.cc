#include "cli/create_options.h"

#include <map>
#include <utility>

#include <nlohmann/json.hpp>
#include <strings.h>

#include "base/file.h"
#include "cli/view/format.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAny = "*";

// The server accepts keys in any letter case, so a file may use any.
Json::iterator FindKey(Json& object, const std::string& key) {
  const auto exact = object.find(key);
  if (exact != object.end()) {
    return exact;
  }
  auto it = object.begin();
  while (it != object.end() && strcasecmp(it.key().c_str(), key.c_str()) != 0) {
    ++it;
  }
  return it;
}

void Set(Json& object, const std::string& key, Json value) {
  const auto found = FindKey(object, key);
  if (found != object.end()) {
    *found = std::move(value);
  } else {
    object[key] = std::move(value);
  }
}

void Erase(Json& object, const std::string& key) {
  for (auto it = FindKey(object, key); it != object.end(); it = FindKey(object, key)) {
    object.erase(it);
  }
}

Json Named(const std::string& name) { return {{"name", name}}; }

using Names = std::map<std::string, std::vector<std::string>>;  // database -> collections

// "coll" is in the default database, "db.coll" names its own.
Status CheckCollection(const std::string& option,
                       const std::string& text,
                       const CreateOptions& options) {
  const size_t dot = text.find('.');
  if (text.empty()) {
    return InvalidArgumentError(option + " is empty");
  }
  if (dot == std::string::npos) {
    return options.databases.empty()
               ? OkStatus()
               : InvalidArgumentError(option + " " + Printable(text) +
                                      " beside --database is ambiguous: write " + option + " db." +
                                      Printable(text) + " for a collection of one database");
  }
  if (dot == 0 || dot + 1 == text.size() || text.find('.', dot + 1) != std::string::npos) {
    return InvalidArgumentError(option + " must be a name or db.name, got \"" + Printable(text) +
                                "\"");
  }
  return OkStatus();
}

Result<Names> ReadNames(const CreateOptions& options) {
  Names names;
  for (const std::string& database : options.databases) {
    if (database.empty() || database.find('.') != std::string::npos) {
      return InvalidArgumentError("--database must be a name without a dot, got \"" +
                                  Printable(database) + "\"");
    }
    names[database].emplace_back(kAny);
  }
  for (const std::string& collection : options.collections) {
    CDC_RETURN_IF_ERROR(CheckCollection("--collection", collection, options));
    const size_t dot = collection.find('.');
    names[dot == std::string::npos ? "default" : collection.substr(0, dot)].push_back(
        dot == std::string::npos ? collection : collection.substr(dot + 1));
  }
  return names;
}

// Collections of the default database alone use the key every server of this API knows.
void SetScope(const Names& names, Json* request) {
  Erase(*request, "collection_infos");
  Erase(*request, "db_collections");
  const bool only_default = names.size() == 1 && names.begin()->first == "default";
  for (const auto& [database, collections] : names) {
    Json infos = Json::array();
    for (const std::string& collection : collections) {
      infos.push_back(Named(collection));
    }
    if (only_default) {
      (*request)["collection_infos"] = std::move(infos);
    } else {
      (*request)["db_collections"][database] = std::move(infos);
    }
  }
}

// Both sides must be databases, or both collections with their databases.
Status AddMap(const std::string& text, Json* mappings) {
  const size_t equals = text.find('=');
  const std::string from = text.substr(0, equals);
  const std::string to = equals == std::string::npos ? "" : text.substr(equals + 1);
  const size_t from_dot = from.find('.');
  const size_t to_dot = to.find('.');
  const auto is_name = [](const std::string& name, size_t dot) {
    return dot == std::string::npos
               ? !name.empty()
               : dot > 0 && dot + 1 < name.size() && name.find('.', dot + 1) == std::string::npos;
  };
  if (!is_name(from, from_dot) || !is_name(to, to_dot) || to.find('=') != std::string::npos ||
      (from_dot == std::string::npos) != (to_dot == std::string::npos)) {
    return InvalidArgumentError("--map must be db=db or db.collection=db.collection, got \"" +
                                Printable(text) + "\"");
  }
  Json mapping = {{"source_db", from.substr(0, from_dot)}, {"target_db", to.substr(0, to_dot)}};
  if (from_dot != std::string::npos) {
    mapping["collection_mapping"] = {{from.substr(from_dot + 1), to.substr(to_dot + 1)}};
  }
  mappings->push_back(std::move(mapping));
  return OkStatus();
}

// An object inside the request: the one of the file, or a new one.
Result<Json*> ObjectAt(const std::string& key, Json* request) {
  if (FindKey(*request, key) == request->end()) {
    (*request)[key] = Json::object();
  }
  Json& object = *FindKey(*request, key);
  if (object.is_null()) {
    object = Json::object();
  }
  if (!object.is_object()) {
    return InvalidArgumentError(key + " of the file must be an object");
  }
  return &object;
}

Status SetTarget(const CreateOptions& options, Json* request) {
  CDC_ASSIGN_OR_RETURN(Json * target, ObjectAt("milvus_connect_param", request));
  if (!options.target_uri.empty()) {
    Set(*target, "uri", options.target_uri);
  }
  if (!options.token.empty()) {
    Set(*target, "token", options.token);
  }
  if (options.connect_timeout_seconds) {
    Set(*target, "connect_timeout", *options.connect_timeout_seconds);
  }
  return OkStatus();
}

void SetTexts(const CreateOptions& options, Json* request) {
  const std::pair<const char*, const std::string*> texts[] = {
      {"start_from", &options.start_from},
      {"stop_at", &options.stop_at},
      {"on_expired", &options.on_expired},
      {"on_collection_error", &options.on_collection_error},
      {"on_undecodable", &options.on_undecodable},
      {"sink_mode", &options.sink_mode}};
  for (const auto& [key, text] : texts) {
    if (!text->empty()) {
      Set(*request, key, *text);
    }
  }
}

Status SetSnapshot(const CreateOptions& options, Json* request) {
  if (options.snapshot_from.empty() && options.snapshot_index.empty() &&
      options.snapshot_log.empty()) {
    return OkStatus();
  }
  CDC_ASSIGN_OR_RETURN(Json * snapshot, ObjectAt("snapshot", request));
  if (!options.snapshot_from.empty()) {
    Set(*snapshot, "from", options.snapshot_from);
  }
  if (!options.snapshot_index.empty()) {
    Set(*snapshot, "index", options.snapshot_index);
  }
  if (!options.snapshot_log.empty()) {
    Set(*snapshot, "log", options.snapshot_log);
  }
  return OkStatus();
}

}  // namespace

Result<Json> BuildCreateRequest(const CreateOptions& options, std::optional<Json> base) {
  const bool from_file = base.has_value();
  Json request = from_file ? *std::move(base) : Json::object();
  if (!options.id.empty()) {
    Set(request, "task_id", options.id);
  }
  if (!from_file || !options.target_uri.empty() || !options.token.empty() ||
      options.connect_timeout_seconds) {
    CDC_RETURN_IF_ERROR(SetTarget(options, &request));
  }
  CDC_ASSIGN_OR_RETURN(Names names, ReadNames(options));
  if (names.empty() && !from_file) {
    names[kAny].emplace_back(kAny);
  }
  if (!names.empty()) {
    SetScope(names, &request);
  }
  for (const std::string& excluded : options.exclude) {
    CDC_RETURN_IF_ERROR(CheckCollection("--exclude", excluded, options));
  }
  if (!options.exclude.empty()) {
    Set(request, "exclude", options.exclude);
  }
  SetTexts(options, &request);
  CDC_RETURN_IF_ERROR(SetSnapshot(options, &request));
  if (options.disable_auto_start) {
    Set(request, "disable_auto_start", true);
  }
  if (!options.maps.empty()) {
    Json mappings = Json::array();
    for (const std::string& map : options.maps) {
      CDC_RETURN_IF_ERROR(AddMap(map, &mappings));
    }
    Set(request, "name_mapping", std::move(mappings));
  }
  if (options.no_sync_index) {
    Set(request, "sync_index", false);
  }
  if (options.no_sync_load) {
    Set(request, "sync_load", false);
  }
  if (options.dry_run) {
    Set(request, "dry_run", true);
  }
  if (options.enable_user_role) {
    CDC_ASSIGN_OR_RETURN(Json * extra, ObjectAt("extra_info", &request));
    Set(*extra, "enable_user_role", true);
  }
  return request;
}

Result<Json> ReadRequestFile(const std::string& path) {
  CDC_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::parse_error& error) {
    // Without the library's message: it quotes the last input.
    return InvalidArgumentError(path + " is not valid JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    return InvalidArgumentError(path + " holds a number that is out of range");
  }
  if (!json.is_object()) {
    return InvalidArgumentError(path + " must hold a JSON object");
  }
  const auto type = FindKey(json, "request_type");
  if (type == json.end()) {
    return json;
  }
  if (*type != "create") {
    return InvalidArgumentError(path + " holds a request whose request_type is not \"create\"");
  }
  const auto data = FindKey(json, "request_data");
  if (data == json.end() || !data->is_object()) {
    return InvalidArgumentError(path + " holds a request without request_data");
  }
  Json request = *data;
  return request;
}

Result<std::string> ReadTokenFile(const std::string& path) {
  CDC_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.pop_back();
  }
  if (text.empty() || text.find_first_of("\r\n") != std::string::npos) {
    return InvalidArgumentError(path + " must hold the token in its only line");
  }
  return text;
}

}  // namespace cdc::cli
