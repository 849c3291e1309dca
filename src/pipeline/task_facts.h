#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "model/access.h"
#include "model/catalog.h"
#include "model/given_position.h"
#include "model/ids.h"
#include "model/target_collection.h"
#include "model/task_progress.h"
#include "scope/scope.h"
#include "sink/target.h"

namespace cdc {

// What a new task would find of one collection that it covers.
struct CollectionFacts {
  Scope::Match match;
  CollectionName target;
  StartFrom start = StartFrom::kLatest;
  std::optional<Result<GivenPositions>> given;  // if the request has positions for it
  // Whether the queue still holds where the collection begins: by vchannel at the given positions,
  // otherwise by pchannel at its creation. Without an entry: that is not known.
  std::map<std::string, Status> held;
  std::map<std::string, Result<MsgId>> latest;   // by pchannel; of kLatest
  std::optional<Result<SnapshotProgress>> copy;  // of kSnapshot; `rows` and `bytes`: to be copied
  std::optional<Result<std::optional<TargetCollection>>> on_target;  // if it was looked for
};

// What a new task would find, as it is now. Of a plan only: see GatherFor::kPlan.
struct TaskFacts {
  Result<std::shared_ptr<const Catalog>> catalog;
  std::vector<CollectionFacts> collections;  // by id
  bool can_copy_expired = true;              // or the policy for this is another one
  Result<Timestamp> present = Timestamp{};
  // Where the replicate channel is read from; nullopt: it is not.
  Result<std::optional<MsgId>> replicate_begin = std::optional<MsgId>();
  std::string queue_kind;
  double copy_rate = 0;  // bytes per second that copies are expected to have
  std::chrono::seconds queue_holds{0};
  // Of the target; nullopt: it was not reached, or not looked at.
  std::optional<TargetInfo> target;
  std::optional<Result<std::vector<std::string>>> target_databases;
  std::optional<Result<AccessSet>> target_access;
  std::map<CollectionName, CollectionName> hidden_aliases;  // alias -> its collection's source name
  // Collections that were not, or not with all their aliases, looked for on the target, because of
  // the error with which that ended; OK: because they are too many.
  size_t not_compared = 0;
  Status look_ended;
};

}  // namespace cdc
