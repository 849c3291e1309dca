#include "pipeline/gather_facts.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "pipeline/look_at_target.h"

namespace cdc {
namespace {

// Plans the copy of a collection's stored rows; `rows` and `bytes` of the result: what is to be
// copied.
Result<SnapshotProgress> PlanCopy(const ReplicatorOptions& options,
                                  const TaskSpec& spec,
                                  const Collection& collection) {
  SnapshotSource* const source = SnapshotSourceOf(options, spec.snapshot.from);
  if (source == nullptr) {
    return FailedPreconditionError(
        std::string("the server does not know where to read the source's rows: set ") +
        SnapshotSettingOf(spec.snapshot.from) +
        " in its configuration, or use start_from latest or earliest");
  }
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<CollectionSnapshot> plan,
                       source->Plan(collection, {}, {}, std::stop_token()));
  SnapshotProgress progress{
      .collection = collection.id, .takeover = {}, .begun = false, .done = false, .segments = {}};
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const std::string& vchannel = collection.vchannels[shard];
    const auto found = plan->shards().find(vchannel);
    if (found == plan->shards().end()) {
      return InternalError("the plan lacks channel " + vchannel);
    }
    CDC_RETURN_IF_ERROR(options.log->CheckPosition(collection.pchannels[shard],
                                                   {.id = found->second.takeover.position}));
    progress.takeover[vchannel] = found->second.takeover;
  }
  for (const auto& [vchannel, shard] : plan->shards()) {
    for (const CollectionSnapshot::Part& part : shard.parts) {
      progress.rows += part.rows;
      progress.bytes += part.bytes;
    }
  }
  return progress;
}

// A flush is an act, not a state: past ones need not be repeated, unless the user says from where.
Result<std::optional<MsgId>> FindReplicateBegin(const ReplicatorOptions& options,
                                                const TaskSpec& spec) {
  const std::string& channel = options.replicate_channel;
  if (spec.rpc_channel_position.empty()) {
    return channel.empty() ? Result<std::optional<MsgId>>(std::nullopt)
                           : options.log->Latest(channel);
  }
  if (channel.empty()) {
    return InvalidArgumentError(
        "rpc_channel_info.position needs sourceConfig.replicateChan in the configuration");
  }
  CDC_ASSIGN_OR_RETURN(const Takeover given, DecodePositionText(spec.rpc_channel_position));
  CDC_RETURN_IF_ERROR(options.log->CheckPosition(channel, {.id = given.position})
                          .WithContext("rpc_channel_info.position"));
  return std::optional(given.position);
}

class Gathering {
 public:
  Gathering(const ReplicatorOptions& options, const TaskSpec& spec, GatherFor purpose)
      : options_(options), spec_(spec), purpose_(purpose), scope_(spec) {}

  CollectionFacts FactsOf(const Scope::Match& match) const {
    CollectionFacts facts{
        .match = match, .target = scope_.Target(match.name), .start = scope_.StartOf(match.name)};
    const auto positions = scope_.positions().find(match.name);
    if (positions != scope_.positions().end()) {
      facts.given = ReadGivenPositions(positions->second);
      CheckGiven(*match.collection, &facts);
      return facts;
    }
    if (facts.start == StartFrom::kSnapshot) {
      facts.copy = PlanCopy(options_, spec_, *match.collection);
    }
    if (facts.start == StartFrom::kEarliest || purpose_ == GatherFor::kPlan) {
      CheckStarts(*match.collection, &facts);
    }
    if (facts.start == StartFrom::kLatest) {
      FindLatest(*match.collection, &facts);
    }
    return facts;
  }

 private:
  void CheckGiven(const Collection& collection, CollectionFacts* facts) const {
    if (!(*facts->given).ok() || (*facts->given)->collection != collection.id) {
      return;
    }
    for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
      const std::string& vchannel = collection.vchannels[shard];
      const auto place = (*facts->given)->places.find(vchannel);
      if (place != (*facts->given)->places.end()) {
        facts->held[vchannel] = options_.log->CheckPosition(collection.pchannels[shard],
                                                            {.id = place->second.position});
      }
    }
  }

  void CheckStarts(const Collection& collection, CollectionFacts* facts) const {
    for (const std::string& channel : collection.pchannels) {
      const auto start = collection.start_positions.find(channel);
      if (start != collection.start_positions.end()) {
        facts->held[channel] = options_.log->CheckPosition(channel, {.id = start->second});
      }
    }
  }

  // Of an empty channel the id is empty, too: all its rows are new.
  void FindLatest(const Collection& collection, CollectionFacts* facts) const {
    for (const std::string& channel : collection.pchannels) {
      const Result<std::optional<MsgId>> latest = options_.log->Latest(channel);
      facts->latest.emplace(channel, latest.ok() ? Result<MsgId>(latest->value_or(MsgId{}))
                                                 : Result<MsgId>(latest.status()));
    }
  }

  const ReplicatorOptions& options_;
  const TaskSpec& spec_;
  const GatherFor purpose_;
  const Scope scope_;
};

}  // namespace

TaskFacts GatherFacts(const ReplicatorOptions& options,
                      const TaskSpec& spec,
                      const TargetInfo* target,
                      double copy_rate,
                      GatherFor purpose) {
  TaskFacts facts{.catalog = options.catalog->Sync(std::stop_token()),
                  .queue_kind = options.queue_kind,
                  .copy_rate = copy_rate,
                  .queue_holds = options.queue_holds};
  if (target != nullptr) {
    facts.target = *target;
  }
  facts.can_copy_expired = spec.on_expired != OnExpired::kSnapshot ||
                           SnapshotSourceOf(options, spec.snapshot.from) != nullptr;
  if (facts.catalog.ok()) {
    const Gathering gathering(options, spec, purpose);
    for (const Scope::Match& match : Scope(spec).Select(**facts.catalog)) {
      facts.collections.push_back(gathering.FactsOf(match));
    }
    // After the plans of copies: stored rows are at or below this time.
    facts.present = options.catalog->Present(std::stop_token());
  }
  facts.replicate_begin = FindReplicateBegin(options, spec);
  if (target != nullptr && purpose == GatherFor::kPlan) {
    LookAtTarget(options, spec, &facts);
  }
  return facts;
}

}  // namespace cdc
