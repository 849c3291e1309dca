#include "pipeline/gather_facts.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "pipeline/look_at_target.h"

namespace cdc {
namespace {

const Status& StatusOf(const Status& answer) { return answer; }
template <class T>
Status StatusOf(const Result<T>& answer) {
  return answer.status();
}

bool IsAway(const Status& status) {
  return status.code() == StatusCode::kUnavailable ||
         status.code() == StatusCode::kDeadlineExceeded;
}

// A system that is asked several questions. It is not asked any more once it is away: each answer
// may take as long as its timeout, and somebody waits for all of them. What is wrong with one
// collection, even if it passes (kAborted), says nothing of the next.
class Asked {
 public:
  template <class Question>
  std::invoke_result_t<Question> Ask(const Question& question) {
    if (!failed_.ok()) {
      return failed_;
    }
    auto answer = question();
    if (IsAway(StatusOf(answer))) {
      failed_ = StatusOf(answer).WithContext("not asked after an earlier question failed");
    }
    return answer;
  }

 private:
  Status failed_;
};

class Gathering {
 public:
  Gathering(const ReplicatorOptions& options, const TaskSpec& spec, GatherFor purpose)
      : options_(options), spec_(spec), purpose_(purpose), scope_(spec) {}

  CollectionFacts FactsOf(const Scope::Match& match) {
    CollectionFacts facts{
        .match = match, .target = scope_.Target(match.name), .start = scope_.StartOf(match.name)};
    const auto positions = scope_.positions().find(match.name);
    if (positions != scope_.positions().end()) {
      facts.given = ReadGivenPositions(positions->second);
      CheckGiven(*match.collection, &facts);
      return facts;
    }
    if (facts.start == StartFrom::kSnapshot) {
      facts.copy = PlanCopy(*match.collection);
    }
    if (facts.start == StartFrom::kEarliest ||
        (facts.start == StartFrom::kLatest && purpose_ == GatherFor::kPlan)) {
      CheckStarts(*match.collection, &facts);
    }
    if (facts.start == StartFrom::kLatest) {
      FindLatest(*match.collection, &facts);
    }
    return facts;
  }

  // A flush is an act, not a state: past ones need not be repeated, unless the user says from
  // where.
  Result<std::optional<MsgId>> FindReplicateBegin() {
    const std::string& channel = options_.replicate_channel;
    if (spec_.rpc_channel_position.empty()) {
      return channel.empty() ? Result<std::optional<MsgId>>(std::nullopt) : Latest(channel);
    }
    if (channel.empty()) {
      return InvalidArgumentError(
          "rpc_channel_info.position needs sourceConfig.replicateChan in the configuration");
    }
    CDC_ASSIGN_OR_RETURN(const Takeover given, DecodePositionText(spec_.rpc_channel_position));
    CDC_RETURN_IF_ERROR(
        CheckPosition(channel, given.position).WithContext("rpc_channel_info.position"));
    return std::optional(given.position);
  }

 private:
  Status CheckPosition(const std::string& channel, const MsgId& id) {
    return queue_.Ask([&] { return options_.log->CheckPosition(channel, {.id = id}); });
  }
  Result<std::optional<MsgId>> Latest(const std::string& channel) {
    return queue_.Ask([&] { return options_.log->Latest(channel); });
  }

  // Plans the copy of a collection's stored rows; `rows` and `bytes` of the result: what is to be
  // copied.
  Result<SnapshotProgress> PlanCopy(const Collection& collection) {
    SnapshotSource* const source = SnapshotSourceOf(options_, spec_.snapshot.from);
    if (source == nullptr) {
      return FailedPreconditionError(
          std::string("the server does not know where to read the source's rows: set ") +
          SnapshotSettingOf(spec_.snapshot.from) +
          " in its configuration, or use start_from latest or earliest");
    }
    CDC_ASSIGN_OR_RETURN(const std::unique_ptr<CollectionSnapshot> plan, stored_rows_.Ask([&] {
      return source->Plan(collection, {}, {}, std::stop_token());
    }));
    SnapshotProgress progress{
        .collection = collection.id, .takeover = {}, .begun = false, .done = false, .segments = {}};
    for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
      const std::string& vchannel = collection.vchannels[shard];
      const auto found = plan->shards().find(vchannel);
      if (found == plan->shards().end()) {
        return InternalError("the plan lacks channel " + vchannel);
      }
      CDC_RETURN_IF_ERROR(
          CheckPosition(collection.pchannels[shard], found->second.takeover.position));
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

  void CheckGiven(const Collection& collection, CollectionFacts* facts) {
    if (!(*facts->given).ok() || (*facts->given)->collection != collection.id) {
      return;
    }
    for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
      const std::string& vchannel = collection.vchannels[shard];
      const auto place = (*facts->given)->places.find(vchannel);
      if (place != (*facts->given)->places.end()) {
        facts->held[vchannel] = CheckPosition(collection.pchannels[shard], place->second.position);
      }
    }
  }

  void CheckStarts(const Collection& collection, CollectionFacts* facts) {
    for (const std::string& channel : collection.pchannels) {
      const auto start = collection.start_positions.find(channel);
      if (start != collection.start_positions.end()) {
        facts->held[channel] = CheckPosition(channel, start->second);
      }
    }
  }

  // Of an empty channel the id is empty, too: all its rows are new.
  void FindLatest(const Collection& collection, CollectionFacts* facts) {
    for (const std::string& channel : collection.pchannels) {
      const Result<std::optional<MsgId>> latest = Latest(channel);
      facts->latest.emplace(channel, latest.ok() ? Result<MsgId>(latest->value_or(MsgId{}))
                                                 : Result<MsgId>(latest.status()));
    }
  }

  const ReplicatorOptions& options_;
  const TaskSpec& spec_;
  const GatherFor purpose_;
  const Scope scope_;
  Asked queue_;
  Asked stored_rows_;
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
  Gathering gathering(options, spec, purpose);
  if (facts.catalog.ok()) {
    for (const Scope::Match& match : Scope(spec).Select(**facts.catalog)) {
      facts.collections.push_back(gathering.FactsOf(match));
    }
    // After the plans of copies: stored rows are at or below this time.
    facts.present = options.catalog->Present(std::stop_token());
  }
  facts.replicate_begin = gathering.FindReplicateBegin();
  if (target != nullptr && purpose == GatherFor::kPlan) {
    LookAtTarget(options, spec, &facts);
  }
  return facts;
}

}  // namespace cdc
