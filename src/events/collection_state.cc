#include "events/collection_state.h"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "events/field_value.h"
#include "events/json_buffer.h"
#include "events/json_text.h"
#include "events/stored_json.h"

namespace cdc {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kWhatState = "the state of a collection";

Json PairsJson(const std::vector<KeyValue>& pairs) {
  Json list = Json::array();
  for (const KeyValue& pair : pairs) {
    list.push_back({{"key", pair.key}, {"value", pair.value}});
  }
  return list;
}

// The default value as row events have it; null if there is none, or it cannot be read.
Json DefaultJson(const Field& field) {
  JsonBuffer scratch;
  JsonBuffer text;
  return AppendDefault(field, &scratch, &text).ok() ? Json::parse(text.text()) : Json();
}

Json FieldJson(const Field& field) {
  Json json = {{"id", field.id.value},
               {"name", field.name},
               {"description", field.description},
               {"type", DataTypeName(field.type)},
               {"type_number", static_cast<int>(field.type)}};
  if (field.element_type != DataType::kNone) {
    json["element_type"] = DataTypeName(field.element_type);
    json["element_type_number"] = static_cast<int>(field.element_type);
  }
  json["params"] = PairsJson(field.type_params);
  if (!field.default_value.empty()) {
    json["default"] = DefaultJson(field);
    json["default_bytes"] = EncodeBase64(field.default_value);
  }
  json["primary_key"] = field.is_primary_key;
  json["auto_id"] = field.auto_id;
  json["partition_key"] = field.is_partition_key;
  json["clustering_key"] = field.is_clustering_key;
  json["dynamic"] = field.is_dynamic;
  json["nullable"] = field.nullable;
  json["function_output"] = field.is_function_output;
  return json;
}

// Throw if the JSON is not what they expect; see ReadStored.
std::vector<KeyValue> ReadPairs(const Json& list) {
  std::vector<KeyValue> pairs;
  for (const Json& item : list) {
    pairs.push_back({item.at("key").get<std::string>(), item.at("value").get<std::string>()});
  }
  return pairs;
}

Field ReadField(const Json& json) {
  Field field;
  field.id = {json.at("id").get_ref<const Json::number_integer_t&>()};
  json.at("name").get_to(field.name);
  json.at("description").get_to(field.description);
  field.type = static_cast<DataType>(ReadInt(json.at("type_number")));
  if (json.contains("element_type_number")) {
    field.element_type = static_cast<DataType>(ReadInt(json.at("element_type_number")));
  }
  field.type_params = ReadPairs(json.at("params"));
  if (json.contains("default_bytes")) {
    field.default_value = ReadBytes(json.at("default_bytes"));
  }
  json.at("primary_key").get_to(field.is_primary_key);
  json.at("auto_id").get_to(field.auto_id);
  json.at("partition_key").get_to(field.is_partition_key);
  json.at("clustering_key").get_to(field.is_clustering_key);
  json.at("dynamic").get_to(field.is_dynamic);
  json.at("nullable").get_to(field.nullable);
  json.at("function_output").get_to(field.is_function_output);
  return field;
}

Schema ReadSchema(const Json& json) {
  Schema schema;
  json.at("description").get_to(schema.description);
  for (const Json& field : json.at("fields")) {
    schema.fields.push_back(ReadField(field));
  }
  for (const Json& function : json.at("functions")) {
    schema.functions.push_back(ReadBytes(function));
  }
  json.at("enable_dynamic_field").get_to(schema.enable_dynamic_field);
  return schema;
}

TargetCollection ReadCollection(const Json& json) {
  TargetCollection collection;
  json.at("identity").get_to(collection.identity);
  collection.schema = ReadSchema(json.at("schema"));
  collection.shards = ReadInt(json.at("shards"));
  json.at("partitions").get_to(collection.partitions);
  json.at("default_partition").get_to(collection.default_partition);
  collection.properties = ReadPairs(json.at("properties"));
  json.at("aliases").get_to(collection.aliases);
  for (const Json& index : json.at("indexes")) {
    collection.indexes.push_back({.field = index.at("field").get<std::string>(),
                                  .name = index.at("name").get<std::string>(),
                                  .params = ReadPairs(index.at("params"))});
  }
  json.at("loaded").get_to(collection.loaded);
  json.at("loaded_partitions").get_to(collection.loaded_partitions);
  collection.replicas = ReadInt(json.at("replicas"));
  json.at("loads_partitions").get_to(collection.loads_partitions);
  return collection;
}

}  // namespace

std::string EncodeStateKey(const CollectionName& name) {
  Json json = {{"database", name.database}, {"collection", nullptr}};
  if (!name.collection.empty()) {
    json["collection"] = name.collection;
  }
  return JsonText(json);
}

Result<CollectionName> DecodeStateKey(std::string_view json) {
  return ReadStored<CollectionName>(json, "the key of a state",
                                    [](const Json& key) -> Result<CollectionName> {
                                      CollectionName name;
                                      key.at("database").get_to(name.database);
                                      if (!key.at("collection").is_null()) {
                                        key.at("collection").get_to(name.collection);
                                      }
                                      return name;
                                    });
}

Json CollectionJson(const TargetCollection& collection) {
  Json fields = Json::array();
  for (const Field& field : collection.schema.fields) {
    fields.push_back(FieldJson(field));
  }
  Json functions = Json::array();
  for (const std::string& function : collection.schema.functions) {
    functions.push_back(EncodeBase64(function));
  }
  Json indexes = Json::array();
  for (const TargetIndex& index : collection.indexes) {
    indexes.push_back(
        {{"field", index.field}, {"name", index.name}, {"params", PairsJson(index.params)}});
  }
  return {{"identity", collection.identity},
          {"schema",
           {{"description", collection.schema.description},
            {"fields", std::move(fields)},
            {"functions", std::move(functions)},
            {"enable_dynamic_field", collection.schema.enable_dynamic_field}}},
          {"shards", collection.shards},
          {"partitions", collection.partitions},
          {"default_partition", collection.default_partition},
          {"properties", PairsJson(collection.properties)},
          {"aliases", collection.aliases},
          {"indexes", std::move(indexes)},
          {"loaded", collection.loaded},
          {"loaded_partitions", collection.loaded_partitions},
          {"replicas", collection.replicas},
          {"loads_partitions", collection.loads_partitions}};
}

std::string EncodeCollectionState(const TargetCollection& collection) {
  Json json = {{"format", kStoredFormat}};
  json.update(CollectionJson(collection));
  return JsonText(json);
}

Result<TargetCollection> DecodeCollectionState(std::string_view json) {
  return ReadStored<TargetCollection>(json, kWhatState,
                                      [](const Json& state) -> Result<TargetCollection> {
                                        CDC_RETURN_IF_ERROR(CheckFormat(state, kWhatState));
                                        return ReadCollection(state);
                                      });
}

}  // namespace cdc
