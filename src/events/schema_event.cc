#include "events/schema_event.h"

#include <variant>

#include <nlohmann/json.hpp>

#include "events/collection_state.h"
#include "events/event_source.h"
#include "events/json_buffer.h"
#include "events/json_text.h"

namespace cdc {
namespace {

using Json = nlohmann::ordered_json;

Json PropertiesJson(const std::vector<KeyValue>& properties) {
  Json json = Json::object();
  for (const KeyValue& property : properties) {
    json[property.key] = property.value;
  }
  return json;
}

struct Subject {
  CollectionName operator()(const CreateDatabase& d) const { return {d.name, ""}; }
  CollectionName operator()(const DropDatabase& d) const { return {d.name, ""}; }
  CollectionName operator()(const AlterDatabase& d) const { return {d.name, ""}; }
  CollectionName operator()(const RenameCollection& d) const { return d.to; }
  template <class OfCollection>
  CollectionName operator()(const OfCollection& d) const {
    return d.name;
  }
};

// What the names of operation and subject do not say.
struct Details {
  Json operator()(const AlterDatabase& d) const {
    return {{"properties", PropertiesJson(d.properties)}};
  }
  Json operator()(const CreateCollection& d) const {
    return {{"shards", d.shards},
            {"consistency_level", d.consistency_level},
            {"num_partitions", d.num_partitions},
            {"properties", PropertiesJson(d.properties)}};
  }
  Json operator()(const RenameCollection& d) const {
    return {{"from", {{"database", d.from.database}, {"collection", d.from.collection}}}};
  }
  Json operator()(const AlterCollection& d) const {
    return {{"properties", PropertiesJson(d.properties)}};
  }
  Json operator()(const SetAlias& d) const { return {{"alias", d.alias}}; }
  Json operator()(const DropAlias& d) const { return {{"alias", d.alias}}; }
  Json operator()(const CreatePartition& d) const { return {{"partition", d.partition}}; }
  Json operator()(const DropPartition& d) const { return {{"partition", d.partition}}; }
  Json operator()(const CreateIndex& d) const {
    return {{"field", d.field}, {"index", d.index}, {"params", PropertiesJson(d.params)}};
  }
  Json operator()(const DropIndex& d) const { return {{"field", d.field}, {"index", d.index}}; }
  Json operator()(const LoadCollection& d) const { return {{"replicas", d.replicas}}; }
  Json operator()(const LoadPartitions& d) const {
    return {{"partitions", d.partitions}, {"replicas", d.replicas}};
  }
  Json operator()(const ReleasePartitions& d) const { return {{"partitions", d.partitions}}; }
  // Create and drop of a database, drop and release of a collection, flush.
  template <class Plain>
  Json operator()(const Plain&) const {
    return Json::object();
  }
};

void AppendMember(const char* name, const Json& value, JsonBuffer* out) {
  out->Append(",\"");
  out->Append(name);
  out->Append("\":");
  out->Append(JsonText(value));
}

}  // namespace

CollectionName SubjectOf(const Ddl& ddl) { return std::visit(Subject{}, ddl); }

std::string EncodeSchemaEvent(const Ddl& ddl,
                              const TargetCollection* after,
                              Timestamp time,
                              EventTime now,
                              const EventOptions& options) {
  JsonBuffer out;
  out.Append(R"({"source":)");
  AppendSourceStart(SubjectOf(ddl), options, &out);
  AppendPlace("", "", &out);
  out.Append(R"("false",)");
  AppendStamp(time, &out);
  out.Append("},");
  AppendTimes(now.unix_ns, &out);
  AppendMember("operation", KindName(ddl), &out);
  AppendMember("description", Describe(ddl), &out);
  AppendMember("details", std::visit(Details{}, ddl), &out);
  AppendMember("collection", after == nullptr ? Json() : CollectionJson(*after), &out);
  out.Append("}");
  return std::string(out.text());
}

}  // namespace cdc
