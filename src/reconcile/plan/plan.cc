#include "reconcile/plan/plan.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "model/index_params.h"
#include "reconcile/plan/plan_properties.h"

namespace cdc {
namespace {

using Names = std::set<std::string>;

void Append(std::vector<Ddl> changes, std::vector<Ddl>* plan) {
  std::move(changes.begin(), changes.end(), std::back_inserter(*plan));
}

std::vector<std::string> Difference(const Names& a, const Names& b) {
  std::vector<std::string> out;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
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

// Milvus Lite stores no index names and returns empty ones. A field has at most one index anyway.
bool SameIndex(const Index& source, const TargetIndex& actual) {
  return (actual.name.empty() || actual.name == source.name) &&
         SameIndexParams(source.params, actual.params);
}

IndexChanges PlanIndexes(const Collection& source,
                         const CollectionName& target,
                         const TargetCollection& actual) {
  IndexChanges changes;
  Names kept;  // fields whose index stays
  for (const Index& index : source.indexes) {
    const std::string field = FieldName(source, index.field);
    const bool exists = std::any_of(
        actual.indexes.begin(), actual.indexes.end(),
        [&](const TargetIndex& each) { return each.field == field && SameIndex(index, each); });
    if (exists) {
      kept.insert(field);
    } else if (!field.empty()) {
      changes.create.push_back(CreateIndex{target, field, index.name, index.params});
    }
  }
  // This includes the old index of a field that gets another one: the old one must go first.
  for (const TargetIndex& index : actual.indexes) {
    if (!kept.contains(index.field)) {
      changes.drop.push_back(DropIndex{target, index.field, index.name});
    }
  }
  return changes;
}

std::vector<Ddl> PlanAliases(const Collection& source,
                             const CollectionName& target,
                             const TargetCollection& actual) {
  const Names wanted(source.aliases.begin(), source.aliases.end());
  const Names now(actual.aliases.begin(), actual.aliases.end());
  std::vector<Ddl> plan;
  for (const std::string& alias : Difference(now, wanted)) {
    plan.push_back(DropAlias{target, alias});
  }
  for (const std::string& alias : Difference(wanted, now)) {
    plan.push_back(SetAlias{target, alias});
  }
  return plan;
}

// What is loaded, by partition. `partitions` stays empty where only the whole collection can be
// loaded or released, see IsAllOrNothing.
struct Load {
  bool loaded = false;
  bool whole = false;
  Names partitions;
  int replicas = 0;  // 0: unknown
};

bool IsAllOrNothing(const Collection& source,
                    const TargetCollection& actual,
                    const PlanOptions& options) {
  return source.schema.HasPartitionKey() || !actual.loads_partitions || !options.partitions;
}

Load LoadOnTarget(const TargetCollection& actual, bool all_or_nothing) {
  Load load{.loaded = actual.loaded, .whole = all_or_nothing, .replicas = actual.replicas};
  if (actual.loaded && !all_or_nothing) {
    load.partitions = actual.loaded_partitions;
  }
  return load;
}

Load WantedLoad(const Collection& source,
                const TargetCollection& actual,
                const PlanOptions& options,
                bool all_or_nothing) {
  Load load{
      .loaded = source.load.loaded, .whole = all_or_nothing, .replicas = source.load.replicas};
  if (options.refused_replicas > 0 && load.replicas >= options.refused_replicas) {
    load.replicas = 1;
  }
  if (!load.loaded || all_or_nothing) {
    return load;
  }
  size_t existing = 0;
  const auto& loaded = source.load.partitions;
  for (const Partition& partition : source.partitions) {
    existing += Exists(partition) ? 1U : 0U;
    if (Exists(partition) && std::binary_search(loaded.begin(), loaded.end(), partition.id)) {
      load.partitions.insert(TargetPartition(source, partition, actual));
    }
  }
  load.loaded = !load.partitions.empty();
  // Not if one has been released since: loading the whole collection would load it too.
  load.whole = source.load.whole_collection && load.partitions.size() == existing;
  return load;
}

// Releases what should not be loaded, or everything if `all`. Returns what is still loaded then.
Load PlanRelease(const CollectionName& target,
                 const Load& now,
                 const Load& wanted,
                 bool all,
                 std::vector<Ddl>* plan) {
  if (!now.loaded) {
    return now;
  }
  if (all || !wanted.loaded) {
    plan->push_back(ReleaseCollection{target});
    return {};
  }
  if (const auto extra = Difference(now.partitions, wanted.partitions); !extra.empty()) {
    plan->push_back(ReleasePartitions{target, extra});
  }
  return now;
}

void PlanLoad(const CollectionName& target,
              const Load& now,
              const Load& wanted,
              std::vector<Ddl>* plan) {
  const std::vector<std::string> missing = Difference(wanted.partitions, now.partitions);
  if (!wanted.loaded || (now.loaded && missing.empty())) {
    return;
  }
  if (wanted.whole) {
    plan->push_back(LoadCollection{target, wanted.replicas});
  } else {
    plan->push_back(LoadPartitions{target, missing, wanted.replicas});
  }
}

struct FeatureOf {
  const char* operator()(const CreateIndex&) const { return kSearchOn; }
  const char* operator()(const LoadCollection&) const { return kSearchOn; }
  const char* operator()(const LoadPartitions&) const { return kSearchOn; }
  const char* operator()(const AlterCollection&) const { return kPropertiesOf; }
  const char* operator()(const SetAlias&) const { return kAliasesOf; }
  const char* operator()(const DropAlias&) const { return kAliasesOf; }
  template <class Other>
  const char* operator()(const Other&) const {
    return "";
  }
};

}  // namespace

std::string OptionalFeatureOf(const Ddl& ddl) { return std::visit(FeatureOf(), ddl); }

const std::vector<std::string>& OptionalFeatures() {
  static const std::vector<std::string> features = {kSearchOn, kPropertiesOf, kAliasesOf};
  return features;
}

std::vector<Ddl> PlanCollection(const Collection& source,
                                const CollectionName& target,
                                const TargetCollection& actual,
                                const PlanOptions& options) {
  std::vector<Ddl> plan;
  if (options.partitions) {
    plan = PlanPartitions(source, target, actual);
  }
  std::vector<KeyValue> properties = MissingProperties(source.properties, actual.properties);
  const auto mapping = std::stable_partition(properties.begin(), properties.end(),
                                             [](const auto& each) { return !NeedsRelease(each); });
  const std::vector<KeyValue> released_only(mapping, properties.end());
  properties.erase(mapping, properties.end());
  if (!properties.empty()) {
    plan.push_back(AlterCollection{target, std::move(properties)});
  }
  Append(PlanAliases(source, target, actual), &plan);

  IndexChanges indexes;
  if (options.indexes) {
    indexes = PlanIndexes(source, target, actual);
  }
  const bool all_or_nothing = IsAllOrNothing(source, actual, options);
  Load now = LoadOnTarget(actual, all_or_nothing);
  const Load wanted = options.load ? WantedLoad(source, actual, options, all_or_nothing) : now;
  // Milvus does not drop an index or change the number of replicas while a collection is loaded.
  // An unknown number of replicas (0) is left alone.
  const bool other_replicas =
      now.loaded && wanted.loaded && now.replicas > 0 && now.replicas != wanted.replicas;
  const bool release_all =
      !indexes.drop.empty() || other_replicas || (options.load && !released_only.empty());
  now = PlanRelease(target, now, wanted, release_all, &plan);
  if (!released_only.empty()) {
    plan.push_back(AlterCollection{target, released_only});
  }
  Append(std::move(indexes.drop), &plan);
  Append(std::move(indexes.create), &plan);
  if (options.load) {
    PlanLoad(target, now, wanted, &plan);
  }
  return plan;
}

}  // namespace cdc
