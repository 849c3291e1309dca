#include "pipeline/look_at_target.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "model/ids.h"

namespace cdc {
namespace {

// Each takes a Milvus some milliseconds, and whoever asked for the plan waits.
constexpr size_t kMaxCollections = 500;

Result<std::vector<std::string>> ListDatabases(TargetCatalog* catalog) {
  Result<std::vector<std::string>> listed = catalog->ListDatabases({});
  if (listed.status().code() == StatusCode::kUnimplemented) {
    return std::vector<std::string>{kDefaultDatabase};
  }
  return listed;
}

// An alias of the source that is the name of a collection on the target cannot be made there.
void FindHiddenAliases(TargetCatalog* catalog, const CollectionFacts& each, TaskFacts* facts) {
  for (const std::string& alias : each.match.collection->aliases) {
    const CollectionName name{each.target.database, alias};
    const auto found = catalog->DescribeCollection(name, {});
    if (found.ok() && found->has_value()) {
      facts->hidden_aliases.emplace(name, each.match.name);
    }
  }
}

void LookForCollections(TargetCatalog* catalog, TaskFacts* facts) {
  const std::vector<std::string>& databases = **facts->target_databases;
  size_t looked = 0;
  for (CollectionFacts& each : facts->collections) {
    if (std::ranges::find(databases, each.target.database) == databases.end()) {
      each.on_target = std::optional<TargetCollection>();
      continue;
    }
    if (looked == kMaxCollections) {
      ++facts->not_compared;
      continue;
    }
    ++looked;
    each.on_target = catalog->DescribeCollection(each.target, {});
    FindHiddenAliases(catalog, each, facts);
  }
}

}  // namespace

void LookAtTarget(const ReplicatorOptions& options, const TaskSpec& spec, TaskFacts* facts) {
  const auto fail = [facts](const Status& status) {
    facts->target_databases = Result<std::vector<std::string>>(status);
  };
  const Result<std::unique_ptr<Target>> target =
      options.targets->New(OptionsOf(spec.target, SinkMode::kApi));
  if (!target.ok()) {
    return fail(target.status());
  }
  MetadataSink& metadata = (*target)->metadata();
  const Status connected =
      metadata.Connect(std::chrono::seconds(spec.target.ConnectTimeoutSeconds()), {}).status();
  if (!connected.ok()) {
    return fail(connected);
  }
  if (metadata.catalog() == nullptr) {
    return;
  }
  facts->target_databases = ListDatabases(metadata.catalog());
  if ((*facts->target_databases).ok()) {
    LookForCollections(metadata.catalog(), facts);
  }
  if (spec.enable_user_role && (*target)->access() != nullptr) {
    facts->target_access = (*target)->access()->ListUsersAndRoles({});
  }
}

}  // namespace cdc
