#include "scope/compare_scopes.h"

#include <algorithm>
#include <map>
#include <set>

#include "scope/scope_rules.h"

namespace cdc {
namespace {

// Whether another task replicates everything that `left` leaves to older ones. Then that task's own
// names already say so, and an exception for it is not needed.
bool IsOwned(const LeftToOlder& left, const ScopeRules& owner) {
  const auto is_left_too = [&left](const CollectionPattern& pattern) {
    return !pattern.Intersects(left.pattern) ||
           std::any_of(left.except.begin(), left.except.end(),
                       [&pattern](const LeftToOlder& each) { return each.Covers(pattern); });
  };
  return std::any_of(owner.included.begin(), owner.included.end(),
                     [&](const auto& each) { return each.pattern.Covers(left.pattern); }) &&
         std::all_of(owner.excluded.begin(), owner.excluded.end(), is_left_too) &&
         std::all_of(owner.left.begin(), owner.left.end(),
                     [&](const LeftToOlder& each) { return is_left_too(each.pattern); });
}

int DepthOf(const LeftName& name) {
  int depth = 0;
  for (const LeftName& each : name.except) {
    depth = std::max(depth, DepthOf(each) + 1);
  }
  return depth;
}

LeftName ToLeftName(const LeftToOlder& left) {
  LeftName name{.pattern = left.pattern.ToString(), .except = {}};
  for (const LeftToOlder& each : left.except) {
    name.except.push_back(ToLeftName(each));
  }
  return name;
}

class Comparison {
 public:
  Comparison(const TaskSpec& created, const std::vector<const TaskSpec*>& existing)
      : created_(created) {
    for (const TaskSpec* task : existing) {
      existing_.emplace_back(*task);
    }
  }

  ScopeDecision Decide() {
    for (const ScopeRules::Included& wanted : created_.included) {
      for (const ScopeRules& task : existing_) {
        for (const ScopeRules::Included& older : task.included) {
          Compare(wanted.pattern, task, older.pattern);
        }
      }
    }
    ScopeDecision decision{.duplicates = {duplicates_.begin(), duplicates_.end()}, .left = {}};
    for (const auto& [shown, name] : left_) {
      decision.left.push_back(name);
    }
    return decision;
  }

 private:
  void Compare(const CollectionPattern& wanted,
               const ScopeRules& task,
               const CollectionPattern& older) {
    const std::optional<CollectionPattern> shared = Shared(wanted, older);
    if (!shared || created_.ExcludesAllOf(*shared) || task.LeavesOutAllOf(*shared)) {
      return;
    }
    if (older.Covers(wanted) && !UserLeavesSome(task, wanted)) {
      duplicates_.insert(wanted.ToString());
      return;
    }
    const LeftName name{.pattern = shared->ToString(), .except = Exceptions(task, *shared)};
    left_[ShowLeftName(name)] = name;
  }

  // Whether the user has excluded from the older task part of what the new one is to replicate.
  bool UserLeavesSome(const ScopeRules& task, const CollectionPattern& wanted) const {
    return std::any_of(task.excluded.begin(), task.excluded.end(), [&](const auto& excluded) {
      const std::optional<CollectionPattern> some = Shared(wanted, excluded);
      return some && !created_.ExcludesAllOf(*some);
    });
  }

  // What the task leaves out of the pattern and no other task replicates.
  std::vector<LeftName> Exceptions(const ScopeRules& task, const CollectionPattern& pattern) const {
    std::map<std::string, LeftName> exceptions;
    for (const CollectionPattern& excluded : task.excluded) {
      if (excluded.Intersects(pattern)) {
        exceptions[excluded.ToString()] = {.pattern = excluded.ToString(), .except = {}};
      }
    }
    for (const LeftToOlder& left : task.left) {
      const bool owned = std::any_of(
          existing_.begin(), existing_.end(),
          [&](const ScopeRules& other) { return &other != &task && IsOwned(left, other); });
      if (owned || !left.pattern.Intersects(pattern)) {
        continue;
      }
      // If the history is too deep, drop the exception: more than necessary is left to the older
      // task, but never too little.
      const LeftName name = ToLeftName(left);
      if (DepthOf(name) + 2 <= LeftName::kMaxDepth) {
        exceptions[ShowLeftName(name)] = name;
      }
    }
    std::vector<LeftName> names;
    for (const auto& [shown, name] : exceptions) {
      names.push_back(name);
    }
    return names;
  }

  const ScopeRules created_;
  std::vector<ScopeRules> existing_;
  std::set<std::string> duplicates_;
  std::map<std::string, LeftName> left_;  // by ShowLeftName
};

}  // namespace

ScopeDecision CompareScopes(const TaskSpec& created, const std::vector<const TaskSpec*>& existing) {
  return Comparison(created, existing).Decide();
}

std::string ShowLeftName(const LeftName& name) {
  std::string text = name.pattern;
  for (size_t i = 0; i < name.except.size(); ++i) {
    const std::string except = ShowLeftName(name.except[i]);
    text += i == 0 ? " except " : ", ";
    text += name.except[i].except.empty() ? except : "(" + except + ")";
  }
  return text;
}

}  // namespace cdc
