#include <algorithm>
#include <iterator>
#include <utility>

#include "reconcile/plan/plan.h"
#include "reconcile/plan/plan_properties.h"

// The part of a plan that rows need: the collection and its partitions.
namespace cdc {
namespace {

std::string OnOrOff(bool on) { return on ? "on" : "off"; }

// The default partition is the oldest one, because it cannot be dropped and ids only grow. Its name
// says nothing: it is a server setting. nullptr: there are several (partition key).
const Partition* DefaultPartition(const Collection& source) {
  if (source.schema.HasPartitionKey() || source.partitions.empty()) {
    return nullptr;
  }
  return &*std::min_element(source.partitions.begin(), source.partitions.end(),
                            [](const auto& a, const auto& b) { return a.id < b.id; });
}

}  // namespace

Status CheckReplicable(const Collection& source,
                       const CollectionName& name,
                       const TargetTraits& traits) {
  if (const auto unsupported = UnsupportedTypes(source.schema); !unsupported.empty()) {
    return FailedPreconditionError("collection " + name.ToString() + ": " + unsupported.front() +
                                   ": create the task with this collection in `exclude`");
  }
  const Field* key = source.schema.PrimaryKey();
  if (key == nullptr || !traits.deletes_by.has_value()) {
    return OkStatus();
  }
  const std::string why = WhyNotInExpression(key->name, *traits.deletes_by);
  if (why.empty()) {
    return OkStatus();
  }
  return FailedPreconditionError(
      "collection " + name.ToString() + " has the primary key field \"" + key->name +
      "\", which no delete can name on this target (" + why +
      "): replicate it to a standby (sink_mode replicate), or create the task with this collection "
      "in `exclude`");
}

CreateCollection PlanCreate(const Collection& source,
                            const CollectionName& target,
                            const TargetTraits& traits) {
  CreateCollection create;
  create.name = target;
  create.schema = source.schema;
  for (Field& field : create.schema.fields) {
    field.auto_id = field.auto_id && traits.keeps_auto_id;
  }
  create.shards = source.shards;
  create.consistency_level = source.consistency_level;
  std::copy_if(source.properties.begin(), source.properties.end(),
               std::back_inserter(create.properties), IsReplicatedProperty);
  if (source.schema.HasPartitionKey()) {
    // Otherwise the target would create its own default number of partitions.
    create.num_partitions =
        static_cast<int>(std::count_if(source.partitions.begin(), source.partitions.end(), Exists));
  }
  return create;
}

std::vector<std::string> ListDifferences(const Collection& source,
                                         const TargetCollection& actual,
                                         const TargetTraits& traits) {
  std::vector<std::string> differences = SchemaDifferences(source.schema, actual.schema);
  const Field* key = actual.schema.PrimaryKey();
  const Field* source_key = source.schema.PrimaryKey();
  // Rows keep the source's keys, or later deletes and upserts would not find them.
  if (key != nullptr && key->auto_id && !traits.keeps_auto_id) {
    differences.push_back(
        "field " + key->name +
        ": the target generates its own keys (autoID) and cannot take the source's");
  }
  if (key != nullptr && source_key != nullptr && traits.keeps_auto_id &&
      key->auto_id != source_key->auto_id) {
    differences.push_back("field " + key->name + ": autoID is " + OnOrOff(source_key->auto_id) +
                          " on the source and " + OnOrOff(key->auto_id) + " on the target");
  }
  // A standby gets the messages of each shard in the shard with the same number.
  if (traits.same_shards && source.shards != actual.shards) {
    differences.push_back("the source has " + std::to_string(source.shards) +
                          " shards, the target has " + std::to_string(actual.shards));
  }
  // With a partition key, a standby stores each row in the partition with the source's number.
  const auto partitions = static_cast<size_t>(
      std::count_if(source.partitions.begin(), source.partitions.end(), Exists));
  if (traits.same_shards && source.schema.HasPartitionKey() &&
      partitions != actual.partitions.size()) {
    differences.push_back("the partition key has " + std::to_string(partitions) +
                          " partitions on the source and " +
                          std::to_string(actual.partitions.size()) + " on the target");
  }
  return differences;
}

Status CheckFits(const Collection& source,
                 const CollectionName& target,
                 const TargetCollection& actual,
                 const TargetTraits& traits) {
  const std::vector<std::string> differences = ListDifferences(source, actual, traits);
  if (differences.empty()) {
    return OkStatus();
  }
  std::string text = "collection " + target.ToString() +
                     " exists on the target with another schema; drop or rename it there and run "
                     "`milvus-cdc task retry`: ";
  for (size_t i = 0; i < differences.size(); ++i) {
    text += (i == 0 ? "" : "; ") + differences[i];
  }
  return FailedPreconditionError(std::move(text));
}

std::string TargetPartition(const Collection& source,
                            const Partition& partition,
                            const TargetCollection& actual) {
  const Partition* oldest = DefaultPartition(source);
  const bool is_default = oldest != nullptr && oldest->id == partition.id;
  return is_default && !actual.default_partition.empty() ? actual.default_partition
                                                         : partition.name;
}

bool HasPartition(const TargetCollection& actual, const std::string& name) {
  return std::find(actual.partitions.begin(), actual.partitions.end(), name) !=
         actual.partitions.end();
}

Status CheckPartitions(const Collection& source,
                       const CollectionName& target,
                       const TargetCollection& actual) {
  const Partition* oldest = DefaultPartition(source);
  for (const Partition& partition : source.partitions) {
    if (oldest != nullptr && partition.id != oldest->id && Exists(partition) &&
        partition.name == actual.default_partition) {
      return FailedPreconditionError(
          "partition " + partition.name + " of " + target.ToString() +
          " has the name of the target's default partition, and their rows would be mixed there: "
          "create the task again with this collection in `exclude`, or with ignore_partition");
    }
  }
  return OkStatus();
}

std::vector<Ddl> PlanPartitions(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual) {
  std::vector<Ddl> plan;
  if (source.schema.HasPartitionKey()) {
    return plan;  // created together with the collection
  }
  for (const Partition& partition : source.partitions) {
    const std::string name = TargetPartition(source, partition, actual);
    if (Exists(partition) && !HasPartition(actual, name)) {
      plan.push_back(CreatePartition{target, name});
    }
  }
  return plan;
}

}  // namespace cdc
