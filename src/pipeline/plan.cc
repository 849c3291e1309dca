#include "pipeline/plan.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace cdc {
namespace {

bool Exists(const Partition& partition) { return partition.state == ObjectState::kCreated; }

// What is loaded on the source, as partition names.
std::set<std::string> LoadedPartitions(const Collection& source) {
  std::set<std::string> names;
  if (!source.load.loaded) {
    return names;
  }
  for (const Partition& partition : source.partitions) {
    if (Exists(partition) && std::binary_search(source.load.partitions.begin(),
                                                source.load.partitions.end(), partition.id)) {
      names.insert(partition.name);
    }
  }
  return names;
}

std::string FieldName(const Collection& source, FieldId id) {
  const auto& fields = source.schema.fields;
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [id](const Field& field) { return field.id == id; });
  return found == fields.end() ? "" : found->name;
}

struct IndexChanges {
  std::vector<Ddl> drop;
  std::vector<Ddl> create;
};

// A field has at most one index; a target without names answers empty ones.
bool SameIndex(const Index& source, const TargetIndex& actual) {
  return (actual.name.empty() || actual.name == source.name) &&
         SameIndexParams(source.params, actual.params);
}

IndexChanges PlanIndexes(const Collection& source,
                         const CollectionName& target,
                         const TargetCollection& actual) {
  IndexChanges changes;
  std::set<std::string> kept;  // fields whose index stays
  for (const Index& index : source.indexes) {
    const std::string field = FieldName(source, index.field);
    const bool there = std::any_of(
        actual.indexes.begin(), actual.indexes.end(),
        [&](const TargetIndex& each) { return each.field == field && SameIndex(index, each); });
    if (there) {
      kept.insert(field);
    } else if (!field.empty()) {
      changes.create.push_back(CreateIndex{target, field, index.name, index.params});
    }
  }
  for (const TargetIndex& index : actual.indexes) {
    if (!kept.contains(index.field)) {
      changes.drop.push_back(DropIndex{target, index.field, index.name});
    }
  }
  return changes;
}

std::vector<std::string> Difference(const std::set<std::string>& a,
                                    const std::set<std::string>& b) {
  std::vector<std::string> out;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

// What brings the load state from `now` to `wanted`.
void PlanLoad(const Collection& source,
              const CollectionName& target,
              const std::set<std::string>& now,
              const std::set<std::string>& wanted,
              std::vector<Ddl>* plan) {
  const std::vector<std::string> missing = Difference(wanted, now);
  if (missing.empty()) {
    return;
  }
  const auto existing = static_cast<size_t>(
      std::count_if(source.partitions.begin(), source.partitions.end(), Exists));
  if (source.load.whole_collection && wanted.size() == existing) {
    plan->push_back(LoadCollection{target, source.load.replicas});
  } else {
    plan->push_back(LoadPartitions{target, missing, source.load.replicas});
  }
}

}  // namespace

CreateCollection PlanCreate(const Collection& source, const CollectionName& target) {
  CreateCollection create;
  create.name = target;
  create.schema = source.schema;
  for (Field& field : create.schema.fields) {
    field.auto_id = false;
  }
  create.shards = source.shards;
  create.consistency_level = source.consistency_level;
  create.properties = source.properties;
  if (source.schema.HasPartitionKey()) {
    create.num_partitions =
        static_cast<int>(std::count_if(source.partitions.begin(), source.partitions.end(), Exists));
  }
  return create;
}

Status CheckFits(const Collection& source,
                 const CollectionName& target,
                 const TargetCollection& actual) {
  std::vector<std::string> points = SchemaDifferences(source.schema, actual.schema);
  const Field* key = actual.schema.PrimaryKey();
  if (key != nullptr && key->auto_id) {
    points.push_back("field " + key->name +
                     ": the target makes its own keys (autoID), it cannot take the source's");
  }
  if (points.empty()) {
    return OkStatus();
  }
  std::string text =
      "collection " + target.ToString() +
      " exists on the target with another schema; drop or rename it there and resume: ";
  for (size_t i = 0; i < points.size(); ++i) {
    text += (i == 0 ? "" : "; ") + points[i];
  }
  return FailedPreconditionError(std::move(text));
}

std::vector<Ddl> PlanPartitions(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual) {
  std::vector<Ddl> plan;
  if (source.schema.HasPartitionKey()) {
    return plan;  // made together with the collection
  }
  for (const Partition& partition : source.partitions) {
    if (Exists(partition) && std::find(actual.partitions.begin(), actual.partitions.end(),
                                       partition.name) == actual.partitions.end()) {
      plan.push_back(CreatePartition{target, partition.name});
    }
  }
  return plan;
}

std::vector<Ddl> PlanCollection(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual) {
  std::vector<Ddl> plan = PlanPartitions(source, target, actual);
  std::set<std::string> loaded = actual.loaded ? actual.loaded_partitions : std::set<std::string>{};
  const std::set<std::string> wanted = LoadedPartitions(source);
  IndexChanges indexes = PlanIndexes(source, target, actual);
  const bool drops_index = !indexes.drop.empty();
  if (source.schema.HasPartitionKey() || !actual.loads_partitions) {
    // Which partitions are loaded cannot be told or cannot be chosen: all or nothing.
    if (actual.loaded && (!source.load.loaded || drops_index)) {
      plan.push_back(ReleaseCollection{target});
    }
    std::move(indexes.drop.begin(), indexes.drop.end(), std::back_inserter(plan));
    std::move(indexes.create.begin(), indexes.create.end(), std::back_inserter(plan));
    if (source.load.loaded && (!actual.loaded || drops_index)) {
      plan.push_back(LoadCollection{target, source.load.replicas});
    }
    return plan;
  }

  // A server drops no index of a loaded collection.
  if (actual.loaded && (wanted.empty() || drops_index)) {
    plan.push_back(ReleaseCollection{target});
    loaded.clear();
  } else if (const auto extra = Difference(loaded, wanted); !extra.empty()) {
    plan.push_back(ReleasePartitions{target, extra});
  }
  std::move(indexes.drop.begin(), indexes.drop.end(), std::back_inserter(plan));
  std::move(indexes.create.begin(), indexes.create.end(), std::back_inserter(plan));
  PlanLoad(source, target, loaded, wanted, &plan);
  return plan;
}

}  // namespace cdc
