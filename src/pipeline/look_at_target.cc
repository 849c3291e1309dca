#include "pipeline/look_at_target.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "model/ids.h"

namespace cdc {
namespace {

// Each takes a Milvus some milliseconds, and whoever asked for the plan waits.
constexpr size_t kMaxLookUps = 500;
constexpr std::chrono::seconds kLongestLookUp{5};
constexpr std::chrono::seconds kLongestLook{60};

Result<std::vector<std::string>> ListDatabases(TargetCatalog* catalog) {
  Result<std::vector<std::string>> listed = catalog->ListDatabases({});
  if (listed.status().code() == StatusCode::kUnimplemented) {
    return std::vector<std::string>{kDefaultDatabase};
  }
  return listed;
}

// Looks collections up, as long as the target answers and there are not too many.
class Search {
 public:
  Search(TargetCatalog* catalog, const Clock* clock)
      : catalog_(catalog), clock_(clock), until_(clock->Now() + kLongestLook) {}

  void Run(TaskFacts* facts) {
    const std::vector<std::string>& databases = **facts->target_databases;
    for (CollectionFacts& each : facts->collections) {
      if (std::ranges::find(databases, each.target.database) == databases.end()) {
        each.on_target = std::optional<TargetCollection>();
        continue;
      }
      each.on_target = Find(each.target);
      if (each.on_target && IsRetryable(each.on_target->status())) {
        continue;  // that is told of it
      }
      if (!each.on_target || !FindHiddenAliases(each, facts)) {
        ++facts->not_compared;
      }
    }
    facts->look_ended = ended_;
  }

 private:
  using Found = Result<std::optional<TargetCollection>>;

  // nullopt: it is not looked for any more.
  std::optional<Found> Find(const CollectionName& name) {
    if (ended_.ok() && clock_->Now() >= until_) {
      ended_ = DeadlineExceededError("it took longer than " + std::to_string(kLongestLook.count()) +
                                     " s");
    }
    if (!ended_.ok() || look_ups_ == kMaxLookUps) {
      return std::nullopt;
    }
    ++look_ups_;
    Found found = catalog_->DescribeCollection(name, {});
    if (IsRetryable(found.status())) {
      ended_ = found.status();
    }
    return found;
  }

  // An alias of the source that is the name of a collection on the target cannot be made there.
  // False: not all of them were looked for.
  bool FindHiddenAliases(const CollectionFacts& each, TaskFacts* facts) {
    for (const std::string& alias : each.match.collection->aliases) {
      const CollectionName name{each.target.database, alias};
      const std::optional<Found> found = Find(name);
      if (!found || IsRetryable(found->status())) {
        return false;
      }
      if (found->ok() && (*found)->has_value()) {
        facts->hidden_aliases.emplace(name, each.match.name);
      }
    }
    return true;
  }

  TargetCatalog* const catalog_;
  const Clock* const clock_;
  const Clock::TimePoint until_;
  size_t look_ups_ = 0;
  Status ended_;  // the error after which nothing is looked up any more
};

}  // namespace

void LookAtTarget(const ReplicatorOptions& options, const TaskSpec& spec, TaskFacts* facts) {
  const auto fail = [facts](const Status& status) {
    facts->target_databases = Result<std::vector<std::string>>(status);
  };
  TargetOptions target_options = OptionsOf(spec.target, SinkMode::kApi);
  target_options.ddl_timeout = kLongestLookUp;  // nothing is changed
  const Result<std::unique_ptr<Target>> target = options.targets->New(target_options);
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
    Search(metadata.catalog(), options.clock).Run(facts);
  } else if (IsRetryable((*facts->target_databases).status())) {
    facts->look_ended = (*facts->target_databases).status();
  }
  if (spec.enable_user_role && (*target)->access() != nullptr) {
    facts->target_access = facts->look_ended.ok() ? (*target)->access()->ListUsersAndRoles({})
                                                  : Result<AccessSet>(facts->look_ended);
  }
}

}  // namespace cdc
