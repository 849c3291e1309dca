#include "pipeline/task_preparation.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include <spdlog/spdlog.h>

#include "reconcile/plan/plan.h"
#include "snapshot/log_choice.h"

namespace cdc {
namespace {

// Whether some position is later than the collection's beginning.
bool HasRowsBefore(const GivenPositions& given, const Collection& collection) {
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const auto place = given.places.find(collection.vchannels[shard]);
    const auto start = collection.start_positions.find(collection.pchannels[shard]);
    const bool at_start =
        place != given.places.end() &&
        (place->second.ts > Timestamp{} ? place->second.ts <= collection.created
                                        : start != collection.start_positions.end() &&
                                              start->second == place->second.position);
    if (!at_start) {
      return true;
    }
  }
  return false;
}

// With the text that clients know for a store that cannot be written, whichever of its parts.
Status Stored(const Status& status) {
  return status.ok() ? status
                     : InternalError("fail to put the task info to etcd: " + status.message());
}

}  // namespace

Status TaskPreparation::Run(const TargetInfo& target) {
  CDC_ASSIGN_OR_RETURN(const std::shared_ptr<const Catalog> catalog,
                       options_.catalog->Sync(std::stop_token()));
  if (!catalog->Identity().empty()) {
    CDC_RETURN_IF_ERROR(Stored(options_.store->PutSource(spec_.id, catalog->Identity())));
  }
  const std::vector<Scope::Match> covered = scope_.Select(*catalog);
  // A standby deletes by messages, whatever its API can express.
  const TargetTraits traits{
      .deletes_by = spec_.sink_mode == SinkMode::kReplicate ? std::nullopt : target.deletes_by};
  CDC_RETURN_IF_ERROR(CheckCopies());
  CDC_RETURN_IF_ERROR(CheckCovered(covered, traits));
  CDC_RETURN_IF_ERROR(CheckGiven(covered));
  CDC_RETURN_IF_ERROR(PrepareSnapshots(covered));
  // Whatever an earlier task may have written is at or below this time; stored rows are, too.
  CDC_ASSIGN_OR_RETURN(const Timestamp present, options_.catalog->Present(std::stop_token()));
  for (const Scope::Match& match : covered) {
    CDC_RETURN_IF_ERROR(PrepareCollection(match, present));
  }
  return PrepareReplicateChannel();
}

Status TaskPreparation::CheckCopies() const {
  if (spec_.on_expired == OnExpired::kSnapshot &&
      SnapshotSourceOf(options_, spec_.snapshot.from) == nullptr) {
    return FailedPreconditionError(
        std::string("on_expired snapshot needs the stored rows of the source: set ") +
        SnapshotSettingOf(spec_.snapshot.from) + " in the configuration, or use on_expired stop");
  }
  return OkStatus();
}

// A task that can do without the collections concerned sets them aside later.
Status TaskPreparation::CheckCovered(const std::vector<Scope::Match>& covered,
                                     const TargetTraits& traits) const {
  Status refused;
  bool all = true;
  for (const Scope::Match& match : covered) {
    const Status checked = CheckReplicable(*match.collection, match.name, traits);
    all = all && !checked.ok();
    refused = refused.ok() ? checked : refused;
  }
  return all || spec_.on_collection_error == OnCollectionError::kPause ? refused : OkStatus();
}

// A place of a collection that is not there would be forgotten silently.
Status TaskPreparation::CheckGiven(const std::vector<Scope::Match>& covered) const {
  for (const auto& [name, positions] : scope_.positions()) {
    const auto is_it = [&name](const Scope::Match& match) { return match.name == name; };
    if (std::ranges::none_of(covered, is_it)) {
      return InvalidArgumentError("positions are given for " + name.ToString() +
                                  ", which the source does not have or the task does not cover: "
                                  "leave them out");
    }
  }
  return OkStatus();
}

// Notes where the log takes over from the stored rows, so that a wrong storage, or a queue that no
// longer holds that place, is found before the task exists.
Status TaskPreparation::PrepareSnapshots(const std::vector<Scope::Match>& covered) {
  std::vector<SnapshotProgress> planned;
  int64_t bytes = 0;
  for (const Scope::Match& match : covered) {
    if (scope_.StartOf(match.name) != StartFrom::kSnapshot ||
        scope_.positions().contains(match.name)) {
      continue;
    }
    Result<SnapshotProgress> progress = PlanSnapshot(match);
    CDC_RETURN_IF_ERROR(progress.status().WithContext("the stored rows of collection " +
                                                      match.name.ToString() + " cannot be copied"));
    bytes += progress->bytes;
    planned.push_back(*std::move(progress));
  }
  // One choice for all: they share channels, and are copied one after the other.
  const LogChoice choice = ChooseLog(spec_.snapshot.log, bytes, copy_rate_, options_.queue_holds);
  for (SnapshotProgress& progress : planned) {
    progress.bytes = 0;
    progress.log = choice.apply ? CopyLog::kWillApply : CopyLog::kWaits;
    progress.expected_seconds = choice.copy_takes.count();
    progress.queue_seconds = options_.queue_holds.count();
    CDC_RETURN_IF_ERROR(Stored(options_.store->PutSnapshot(spec_.id, progress)));
  }
  if (!planned.empty()) {
    spdlog::info("task={} the copies are expected to take {} s, the queue holds {} s: the log {}",
                 spec_.id, choice.copy_takes.count(), options_.queue_holds.count(),
                 choice.apply ? "is applied meanwhile" : "waits");
  }
  return OkStatus();
}

// `bytes` of the result: what is to be copied.
Result<SnapshotProgress> TaskPreparation::PlanSnapshot(const Scope::Match& match) const {
  SnapshotSource* const source = SnapshotSourceOf(options_, spec_.snapshot.from);
  if (source == nullptr) {
    return FailedPreconditionError(
        std::string("the server does not know where to read the source's rows: set ") +
        SnapshotSettingOf(spec_.snapshot.from) +
        " in its configuration, or use start_from latest or earliest");
  }
  const Collection& collection = *match.collection;
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
    CDC_RETURN_IF_ERROR(options_.log->CheckPosition(collection.pchannels[shard],
                                                    {.id = found->second.takeover.position}));
    progress.takeover[vchannel] = found->second.takeover;
  }
  for (const auto& [vchannel, shard] : plan->shards()) {
    for (const CollectionSnapshot::Part& part : shard.parts) {
      progress.bytes += part.bytes;
    }
  }
  return progress;
}

Status TaskPreparation::PrepareCollection(const Scope::Match& match, Timestamp present) {
  ReplicatedCollection record{.id = match.collection->id,
                              .source = match.name,
                              .target = scope_.Target(match.name),
                              .pchannels = match.collection->pchannels,
                              .created = match.collection->created,
                              .skip_until = {}};
  const auto positions = scope_.positions().find(match.name);
  const StartFrom begin = scope_.StartOf(match.name);
  if (positions != scope_.positions().end()) {
    record.may_hold_until = present;
    CDC_ASSIGN_OR_RETURN(const GivenPositions given, ReadGivenPositions(positions->second));
    // It must be there, with the rows up to the positions: it is not created without them.
    record.seen_on_target = HasRowsBefore(given, *match.collection);
    CDC_RETURN_IF_ERROR(PrepareGiven(match, given));
    return Stored(options_.store->PutCollection(spec_.id, record));
  }
  if (begin != StartFrom::kLatest) {
    record.may_hold_until = present;
  }
  if (begin != StartFrom::kSnapshot) {
    CDC_ASSIGN_OR_RETURN(record.skip_until, PrepareChannels(match, begin));
  }
  return Stored(options_.store->PutCollection(spec_.id, record));
}

// Whoever gives positions has the stored rows on the target already, e.g. from a backup: the log
// takes over there, as after a copy of ours.
Status TaskPreparation::PrepareGiven(const Scope::Match& match, const GivenPositions& given) {
  const std::string name = match.name.ToString();
  const Collection& collection = *match.collection;
  if (given.collection != collection.id) {
    return InvalidArgumentError(
        "the positions of " + name + " are those of collection " +
        std::to_string(given.collection.value) + ", on the source it is " +
        std::to_string(collection.id.value) +
        ": it was dropped and created again; leave the positions out, or give today's");
  }
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const std::string& vchannel = collection.vchannels[shard];
    const auto place = given.places.find(vchannel);
    if (place == given.places.end()) {
      return InvalidArgumentError("the positions of " + name + " lack channel " + vchannel +
                                  ": its rows would be lost up to now; give one for each channel");
    }
    CDC_RETURN_IF_ERROR(
        options_.log->CheckPosition(collection.pchannels[shard], {.id = place->second.position})
            .WithContext("collection " + name + " cannot be read from the position given for " +
                         vchannel));
  }
  if (given.places.size() > collection.vchannels.size()) {
    return InvalidArgumentError("the positions of " + name + " name a channel that it has not");
  }
  return Stored(options_.store->PutSnapshot(
      spec_.id, {.collection = collection.id, .takeover = given.places, .done = true}));
}

// Returns the last records that do not belong to the task, by pchannel.
Result<std::map<std::string, MsgId>> TaskPreparation::PrepareChannels(const Scope::Match& match,
                                                                      StartFrom begin) {
  std::map<std::string, MsgId> skip_until;
  for (const std::string& channel : match.collection->pchannels) {
    if (begin == StartFrom::kEarliest) {
      const auto start = match.collection->start_positions.find(channel);
      if (start != match.collection->start_positions.end()) {
        CDC_RETURN_IF_ERROR(options_.log->CheckPosition(channel, {.id = start->second})
                                .WithContext("collection " + match.name.ToString() +
                                             " cannot be read from its start"));
      }
    } else {
      // The entry of an empty channel is stored, too, as an empty id: all its rows are new.
      CDC_ASSIGN_OR_RETURN(const std::optional<MsgId> latest, options_.log->Latest(channel));
      skip_until[channel] = latest.value_or(MsgId{});
    }
  }
  return skip_until;
}

// A flush is an act, not a state: past ones need not be repeated, unless the user says from where.
Status TaskPreparation::PrepareReplicateChannel() {
  const std::string& channel = options_.replicate_channel;
  std::optional<MsgId> begin;
  if (!spec_.rpc_channel_position.empty()) {
    if (channel.empty()) {
      return InvalidArgumentError(
          "rpc_channel_info.position needs sourceConfig.replicateChan in the configuration");
    }
    CDC_ASSIGN_OR_RETURN(const Takeover given, DecodePositionText(spec_.rpc_channel_position));
    CDC_RETURN_IF_ERROR(options_.log->CheckPosition(channel, {.id = given.position})
                            .WithContext("rpc_channel_info.position"));
    begin = given.position;
  } else if (!channel.empty()) {
    CDC_ASSIGN_OR_RETURN(begin, options_.log->Latest(channel));
  }
  if (!begin) {
    return OkStatus();
  }
  return Stored(options_.store->SaveCheckpoints(
      spec_.id,
      {{.channel = channel, .position = *begin, .ts = {}, .applied = {}, .horizon = {}}}));
}

}  // namespace cdc
