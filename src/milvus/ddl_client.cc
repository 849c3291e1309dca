#include "milvus/ddl_client.h"

#include <algorithm>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "milvus.pb.h"
#include "milvus/milvus_call.h"
#include "milvus/schema_proto.h"
#include "model/index_params.h"

namespace cdc {
namespace {

namespace common = ::milvus::proto::common;
namespace pb = ::milvus::proto::milvus;

void SetPairs(const std::vector<KeyValue>& pairs,
              google::protobuf::RepeatedPtrField<common::KeyValuePair>* out) {
  for (const KeyValue& pair : pairs) {
    common::KeyValuePair* added = out->Add();
    added->set_key(pair.key);
    added->set_value(pair.value);
  }
}

// Marks the operation as a replica of one that another Milvus has executed at `ts`.
void SetReplicated(common::MsgType type, Timestamp ts, common::MsgBase* base) {
  base->set_msg_type(type);
  base->mutable_replicateinfo()->set_isreplicate(true);
  base->mutable_replicateinfo()->set_msgtimestamp(ts.value);
}

bool Contains(const Result<std::vector<std::string>>& names, const std::string& name) {
  return names.ok() && std::find(names->begin(), names->end(), name) != names->end();
}

// Removing something that does not exist succeeds.
Status SuccessIfNotFound(const Status& status) {
  return status.code() == StatusCode::kNotFound ? OkStatus() : status;
}

// Whether this answer may mean that the desired state was reached earlier.
bool IsRefusal(const Status& status) {
  switch (status.code()) {
    case StatusCode::kAlreadyExists:
    case StatusCode::kUnknown:
    case StatusCode::kInternal:
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition: return true;
    default: return false;
  }
}

// Milvus Lite ignores flat parameters, so they go into the JSON text of `params`. It also requires
// a type. An index without one is of a scalar field, because for a vector Milvus stores AUTOINDEX.
std::vector<KeyValue> IndexParamsForLite(const std::vector<KeyValue>& params) {
  std::vector<KeyValue> folded;
  nlohmann::json members = nlohmann::json::object();
  auto flat = FlattenIndexParams(params);
  flat.try_emplace(kIndexType, kScalarIndexOfLite);
  for (const auto& [key, value] : flat) {
    if (key == kIndexType || key == "metric_type" || key == "params") {
      folded.push_back({key, value});
      continue;
    }
    auto parsed = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
    members[key] = parsed.is_discarded() ? nlohmann::json(value) : std::move(parsed);
  }
  if (!members.empty()) {
    folded.push_back({"params", members.dump()});
  }
  return folded;
}

}  // namespace

Status DdlClient::Apply(const Ddl& ddl) {
  return std::visit([this](const auto& change) { return Run(change); }, ddl);
}

Status DdlClient::Call(const std::string& method,
                       const std::string& database,
                       const google::protobuf::Message& request) {
  common::Status response;
  return CallMilvus(calls_, method, database, request, &response);
}

Status DdlClient::ApplyTold(const DropCollection& ddl, Timestamp ts) {
  auto request = RequestFor<pb::DropCollectionRequest>(ddl.name);
  SetReplicated(common::MsgType::DropCollection, ts, request.mutable_base());
  return SuccessIfNotFound(Call("DropCollection", ddl.name.database, request));
}

Status DdlClient::ApplyTold(const DropPartition& ddl, Timestamp ts) {
  auto request = RequestFor<pb::DropPartitionRequest>(ddl.name);
  request.set_partition_name(ddl.partition);
  SetReplicated(common::MsgType::DropPartition, ts, request.mutable_base());
  return SuccessIfNotFound(Call("DropPartition", ddl.name.database, request));
}

Status DdlClient::Run(const CreateDatabase& ddl) {
  pb::CreateDatabaseRequest request;
  request.set_db_name(ddl.name);
  const Status status = Call("CreateDatabase", "", request);
  if (IsRefusal(status) && Contains(reader_.ListDatabases(), ddl.name)) {
    return OkStatus();
  }
  return status;
}

Status DdlClient::Run(const DropDatabase& ddl) {
  pb::DropDatabaseRequest request;
  request.set_db_name(ddl.name);
  return SuccessIfNotFound(Call("DropDatabase", "", request));
}

Status DdlClient::Run(const AlterDatabase& ddl) {
  pb::AlterDatabaseRequest request;
  request.set_db_name(ddl.name);
  SetPairs(ddl.properties, request.mutable_properties());
  return Call("AlterDatabase", "", request);
}

Status DdlClient::Run(const CreateCollection& ddl) {
  auto request = RequestFor<pb::CreateCollectionRequest>(ddl.name);
  CDC_ASSIGN_OR_RETURN(*request.mutable_schema(), SerializeSchema(ddl.name.collection, ddl.schema));
  request.set_shards_num(ddl.shards);
  request.set_consistency_level(static_cast<common::ConsistencyLevel>(ddl.consistency_level));
  SetPairs(ddl.properties, request.mutable_properties());
  if (ddl.num_partitions > 0) {
    request.set_num_partitions(ddl.num_partitions);
  }
  const Status status = Call("CreateCollection", ddl.name.database, request);
  if (!IsRefusal(status)) {
    return status;
  }
  const auto existing = reader_.Describe(ddl.name);
  if (!existing.ok()) {
    return status;
  }
  if (!existing->has_value()) {
    // Milvus 2.3 has no code for a missing database.
    const auto databases = reader_.ListDatabases();
    if (databases.ok() && !Contains(databases, ddl.name.database)) {
      return NotFoundError(status.message());
    }
    return UnlessAlias(status, ddl.name);
  }
  const std::vector<std::string> differences = SchemaDifferences(ddl.schema, (*existing)->schema);
  if (differences.empty()) {
    return OkStatus();
  }
  std::string text;
  for (const std::string& difference : differences) {
    text += (text.empty() ? "" : "; ") + difference;
  }
  return AlreadyExistsError("the collection exists with a different schema: " + text);
}

Status DdlClient::Run(const DropCollection& ddl) {
  CDC_ASSIGN_OR_RETURN(const bool is_none, IsNoneOfLite(ddl.name));
  if (is_none) {
    return OkStatus();
  }
  return SuccessIfNotFound(
      Call("DropCollection", ddl.name.database, RequestFor<pb::DropCollectionRequest>(ddl.name)));
}

Status DdlClient::Run(const RenameCollection& ddl) {
  if (is_lite_ && ddl.to.database != ddl.from.database) {
    // It would rename the collection within the old database and report success.
    return Status(StatusCode::kUnimplemented,
                  "Milvus Lite cannot move a collection to another database");
  }
  CDC_ASSIGN_OR_RETURN(const bool is_none, IsNoneOfLite(ddl.from));
  pb::RenameCollectionRequest request;
  request.set_db_name(ddl.from.database);
  request.set_oldname(ddl.from.collection);
  request.set_newname(ddl.to.collection);
  if (ddl.to.database != ddl.from.database) {
    request.set_newdbname(ddl.to.database);
  }
  const Status status = is_none ? NotFoundError("no collection: " + ddl.from.ToString())
                                : Call("RenameCollection", ddl.from.database, request);
  if (!IsRefusal(status) && status.code() != StatusCode::kNotFound) {
    return status;
  }
  // A repeat does not find the old name, so only the names that exist now show what has happened.
  const auto before = reader_.Describe(ddl.from);
  const auto after = reader_.Describe(ddl.to);
  if (!before.ok() || !after.ok() || before->has_value() == after->has_value()) {
    return before.ok() && !before->has_value() ? NotFoundError(status.message()) : status;
  }
  return after->has_value() ? OkStatus() : UnlessAlias(status, ddl.to);
}

// Converts the refusal of a name that no collection has: then it is an alias, which may be dropped
// later, so retrying can help.
Status DdlClient::UnlessAlias(const Status& status, const CollectionName& name) {
  return status.code() == StatusCode::kAlreadyExists
             ? UnavailableError("the name " + name.ToString() +
                                " is an alias on the target: " + status.message())
             : status;
}

// Returns whether the target is a Milvus Lite without a collection of this name. Milvus refuses to
// drop or rename a collection by its alias, but Milvus Lite would do it.
Result<bool> DdlClient::IsNoneOfLite(const CollectionName& name) {
  if (!is_lite_) {
    return false;
  }
  CDC_ASSIGN_OR_RETURN(const auto collection, reader_.Describe(name));
  return !collection.has_value();
}

Status DdlClient::Run(const AlterCollection& ddl) {
  auto request = RequestFor<pb::AlterCollectionRequest>(ddl.name);
  SetPairs(ddl.properties, request.mutable_properties());
  return Call("AlterCollection", ddl.name.database, request);
}

Status DdlClient::Run(const SetAlias& ddl) {
  auto request = RequestFor<pb::CreateAliasRequest>(ddl.name);
  request.set_alias(ddl.alias);
  const Status status = Call("CreateAlias", ddl.name.database, request);
  if (!IsRefusal(status)) {
    return status;
  }
  // Another collection may have the alias: AlterAlias moves it.
  auto alter = RequestFor<pb::AlterAliasRequest>(ddl.name);
  alter.set_alias(ddl.alias);
  const Status altered = Call("AlterAlias", ddl.name.database, alter);
  return altered.code() == StatusCode::kNotFound ? status : altered;
}

Status DdlClient::Run(const DropAlias& ddl) {
  pb::DropAliasRequest request;
  request.set_db_name(ddl.name.database);
  request.set_alias(ddl.alias);
  return SuccessIfNotFound(Call("DropAlias", ddl.name.database, request));
}

Status DdlClient::Run(const CreatePartition& ddl) {
  auto request = RequestFor<pb::CreatePartitionRequest>(ddl.name);
  request.set_partition_name(ddl.partition);
  const Status status = Call("CreatePartition", ddl.name.database, request);
  // Milvus Lite answers a repeat with nothing but the name.
  if (IsRefusal(status) && Contains(reader_.ListPartitions(ddl.name), ddl.partition)) {
    return OkStatus();
  }
  return status;
}

Status DdlClient::Run(const DropPartition& ddl) {
  auto request = RequestFor<pb::DropPartitionRequest>(ddl.name);
  request.set_partition_name(ddl.partition);
  return SuccessIfNotFound(Call("DropPartition", ddl.name.database, request));
}

Status DdlClient::Run(const CreateIndex& ddl) {
  auto request = RequestFor<pb::CreateIndexRequest>(ddl.name);
  request.set_field_name(ddl.field);
  request.set_index_name(ddl.index);
  SetPairs(is_lite_ ? IndexParamsForLite(ddl.params) : ddl.params, request.mutable_extra_params());
  const Status status = Call("CreateIndex", ddl.name.database, request);
  if (!IsRefusal(status)) {
    return status;
  }
  const auto indexes = reader_.ListIndexes(ddl.name);
  if (!indexes.ok()) {
    return status;
  }
  // The name is not compared: Milvus Lite does not report it.
  const auto same =
      std::find_if(indexes->begin(), indexes->end(), [&ddl](const TargetIndex& index) {
        return index.field == ddl.field && SameIndexParams(ddl.params, index.params);
      });
  return same == indexes->end() ? status : OkStatus();
}

Status DdlClient::Run(const DropIndex& ddl) {
  auto request = RequestFor<pb::DropIndexRequest>(ddl.name);
  request.set_field_name(ddl.field);
  request.set_index_name(ddl.index);
  return SuccessIfNotFound(Call("DropIndex", ddl.name.database, request));
}

Status DdlClient::Run(const LoadCollection& ddl) {
  auto request = RequestFor<pb::LoadCollectionRequest>(ddl.name);
  request.set_replica_number(ddl.replicas);
  return Call("LoadCollection", ddl.name.database, request);
}

Status DdlClient::Run(const ReleaseCollection& ddl) {
  return SuccessIfNotFound(Call("ReleaseCollection", ddl.name.database,
                                RequestFor<pb::ReleaseCollectionRequest>(ddl.name)));
}

Status DdlClient::Run(const LoadPartitions& ddl) {
  auto request = RequestFor<pb::LoadPartitionsRequest>(ddl.name);
  *request.mutable_partition_names() = {ddl.partitions.begin(), ddl.partitions.end()};
  request.set_replica_number(ddl.replicas);
  const Status status = Call("LoadPartitions", ddl.name.database, request);
  if (status.code() == StatusCode::kUnimplemented) {
    spdlog::info("the target only loads whole collections: loading all of {}", ddl.name.ToString());
    return Run(LoadCollection{ddl.name, ddl.replicas});
  }
  return status;
}

Status DdlClient::Run(const ReleasePartitions& ddl) {
  auto request = RequestFor<pb::ReleasePartitionsRequest>(ddl.name);
  *request.mutable_partition_names() = {ddl.partitions.begin(), ddl.partitions.end()};
  return SuccessIfNotFound(Call("ReleasePartitions", ddl.name.database, request));
}

Status DdlClient::Run(const Flush& ddl) {
  if (is_lite_) {
    // Every acknowledged write is already in its log, and a flush could lose a write in progress
    // (see CollectionTurns). Only check that the collection exists.
    return reader_.ListPartitions(ddl.name).status();
  }
  pb::FlushRequest request;
  request.set_db_name(ddl.name.database);
  request.add_collection_names(ddl.name.collection);
  pb::FlushResponse response;
  return CallMilvus(calls_, "Flush", ddl.name.database, request, &response);
}

}  // namespace cdc
