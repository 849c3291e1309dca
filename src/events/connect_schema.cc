#include "events/connect_schema.h"

#include <nlohmann/json.hpp>

#include "events/json_text.h"

namespace cdc {
namespace {

using Json = nlohmann::ordered_json;

Json Type(const char* type) { return {{"type", type}}; }

// A type with a meaning, by the name that Debezium has for it.
Json Named(Json type, const char* name) {
  type["name"] = name;
  type["version"] = 1;
  return type;
}

Json TypeOf(const Field& field, VectorFormat vectors) {
  switch (field.type) {
    case DataType::kBool: return Type("boolean");
    case DataType::kInt8:
    case DataType::kInt16: return Type("int16");
    case DataType::kInt32: return Type("int32");
    case DataType::kInt64: return Type("int64");
    case DataType::kFloat: return Type("float");
    case DataType::kDouble: return Type("double");
    case DataType::kJson:
    case DataType::kGeometry: return Named(Type("string"), "io.debezium.data.Json");
    case DataType::kTimestamptz: return Named(Type("string"), "io.debezium.time.ZonedTimestamp");
    case DataType::kFloatVector: {
      if (vectors != VectorFormat::kArray) {
        return Type("bytes");
      }
      Json array = Type("array");
      array["items"] = {{"type", "float"}, {"optional", false}};
      return Named(std::move(array), "io.debezium.data.vector.FloatVector");
    }
    case DataType::kBinaryVector:
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector:
    case DataType::kInt8Vector: return Type("bytes");
    default: return Type("string");  // texts; arrays and sparse vectors, which are JSON texts
  }
}

Json AsField(Json type, const std::string& name, bool optional) {
  type["optional"] = optional;
  type["field"] = name;
  return type;
}

Json Struct(Json fields, const std::string& name) {
  return {{"type", "struct"}, {"fields", std::move(fields)}, {"optional", false}, {"name", name}};
}

std::string NameOf(const CollectionName& collection, const EventOptions& options) {
  return options.name + "." + collection.ToString();
}

Json SourceSchema() {
  Json fields = Json::array();
  for (const char* name : {"version", "connector", "name"}) {
    fields.push_back(AsField(Type("string"), name, false));
  }
  for (const char* name : {"db", "collection"}) {
    fields.push_back(AsField(Type("string"), name, false));
  }
  for (const char* name : {"partition", "pchannel", "vchannel"}) {
    fields.push_back(AsField(Type("string"), name, true));
  }
  fields.push_back(AsField(Type("string"), "snapshot", true));
  for (const char* name : {"ts_ms", "ts_us", "ts_ns", "tso"}) {
    fields.push_back(AsField(Type("int64"), name, false));
  }
  fields.push_back(AsField(Type("string"), "tso_text", false));
  return Struct(std::move(fields), "io.debezium.connector.milvus.Source");
}

Json TransactionSchema() {
  Json block =
      Struct({AsField(Type("string"), "id", false), AsField(Type("int64"), "total_order", false),
              AsField(Type("int64"), "data_collection_order", false)},
             "event.block");
  block["version"] = 1;
  return block;
}

}  // namespace

std::string KeySchema(const CollectionName& collection,
                      const Field& key,
                      const EventOptions& options) {
  return JsonText(Struct(Json::array({AsField(TypeOf(key, options.vectors), key.name, false)}),
                         NameOf(collection, options) + ".Key"));
}

std::string EnvelopeSchema(const CollectionName& collection,
                           const std::vector<Field>& fields,
                           const EventOptions& options) {
  Json columns = Json::array();
  for (const Field& field : fields) {
    // Optional, even if the collection demands a value: `before` has none but the key.
    columns.push_back(AsField(TypeOf(field, options.vectors), field.name, !field.is_primary_key));
  }
  const std::string name = NameOf(collection, options);
  const Json row = Struct(std::move(columns), name + ".Value");
  Json envelope =
      Json::array({AsField(row, "before", true), AsField(row, "after", true),
                   AsField(SourceSchema(), "source", false), AsField(Type("string"), "op", false)});
  for (const char* time : {"ts_ms", "ts_us", "ts_ns"}) {
    envelope.push_back(AsField(Type("int64"), time, true));
  }
  envelope.push_back(AsField(TransactionSchema(), "transaction", true));
  return JsonText(Struct(std::move(envelope), name + ".Envelope"));
}

}  // namespace cdc
