#include "pipeline/task_reposition.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>

#include "base/time_text.h"
#include "pipeline/judge_rows.h"
#include "pipeline/task_changes.h"
#include "pipeline/task_facts.h"
#include "scope/scope.h"

namespace cdc {
namespace {

using Places = std::map<std::string, Takeover>;  // by vchannel

std::string TimeOf(Timestamp ts) { return FormatTime(ts.UnixMs()); }

// What other places mean for the rows of a collection.
struct Extent {
  bool from_id = false;  // some place has no time
  std::optional<Timestamp> again_after;
  std::optional<Timestamp> left_out_after;
  Timestamp left_out_until;

  std::string ToString() const {
    std::string text;
    if (from_id) {
      text = "rows from the given position on are written again, as upserts and deletes";
    } else if (again_after) {
      text = "rows after " + TimeOf(*again_after) + " are written again, as upserts and deletes";
    }
    if (left_out_after) {
      text += (text.empty() ? "" : "; ") + std::string("rows after ") + TimeOf(*left_out_after) +
              " and up to " + TimeOf(left_out_until) +
              " are left out where the given position is later than the task's: the target never "
              "gets them";
    }
    return text.empty() ? "goes on where it was" : text;
  }
};

class Repositioning {
 public:
  struct Parts {
    const TaskSpec* spec;
    const Catalog* catalog;
    Log* log;
    Timestamp present;  // at or above the time of every row ever sent
    int64_t now_unix_ms;
  };
  Repositioning(Parts parts, MetaStore::Progress* progress) : parts_(parts), progress_(progress) {}

  Result<ScopeNote> Move(const std::shared_ptr<const Collection>& collection,
                         const GivenPositions& given) {
    const CollectionName name{parts_.catalog->DatabaseName(collection->database), collection->name};
    CDC_RETURN_IF_ERROR(CheckGiven(collection, name, given));
    CDC_RETURN_IF_ERROR(CheckFollowed(*collection, name));
    // So it has a place of its own, and the others go on from theirs.
    SetAside(*collection, name, "", parts_.now_unix_ms, progress_);
    Extent extent;
    for (size_t shard = 0; shard < collection->vchannels.size(); ++shard) {
      const std::string& vchannel = collection->vchannels[shard];
      const Takeover now = PlaceToGoOn(*collection, collection->pchannels[shard], *progress_);
      CDC_RETURN_IF_ERROR(Compare(given.places.at(vchannel), now, &extent)
                              .WithContext("collection " + name.ToString() +
                                           ": the position given for " + vchannel));
    }
    const Places places = NotLaterThanNeeded(*collection, given.places);
    ReadFrom(*collection, places, parts_.present, *parts_.log, progress_);
    NoteMoved(*collection, places);
    return ScopeNote{
        .collection = name, .what = ScopeNote::What::kMoved, .rows = extent.ToString()};
  }

  // Channels of which nobody needs what is before the places go on there: the queue may not hold it
  // any more. Call it after all moves.
  void AdvanceChannels() {
    std::set<std::string> needed;
    const auto add = [&](const std::shared_ptr<const Collection>& collection) {
      if (collection != nullptr && collection->state == ObjectState::kCreated &&
          !moved_.contains(collection->id) && FindAside(collection->id, *progress_) == nullptr) {
        needed.insert(collection->pchannels.begin(), collection->pchannels.end());
      }
    };
    // Also those that are not begun yet: the task must see their beginning.
    for (const Scope::Match& match : Scope(*parts_.spec).Select(*parts_.catalog)) {
      add(match.collection);
    }
    for (const ReplicatedCollection& known : progress_->collections) {
      add(parts_.catalog->Find(known.id));
    }
    for (ChannelCheckpoint& channel : progress_->channels) {
      const auto first = first_.find(channel.channel);
      if (first != first_.end() && !needed.contains(channel.channel) &&
          first->second.ts > channel.ts) {
        channel.position = first->second.position;
        channel.ts = first->second.ts;
      }
    }
  }

 private:
  // As a create does.
  Status CheckGiven(const std::shared_ptr<const Collection>& collection,
                    const CollectionName& name,
                    const GivenPositions& given) const {
    CollectionFacts facts{.match = {.name = name, .collection = collection}, .given = given};
    for (size_t shard = 0; shard < collection->vchannels.size(); ++shard) {
      const auto place = given.places.find(collection->vchannels[shard]);
      if (place != given.places.end()) {
        facts.held[place->first] =
            parts_.log->CheckPosition(collection->pchannels[shard], {.id = place->second.position});
      }
    }
    return FirstRefusal(JudgeRows(facts, {}));
  }

  // Whether it has a place in the log that can be replaced.
  Status CheckFollowed(const Collection& collection, const CollectionName& name) const {
    const auto copied = [&](const SnapshotProgress& copy) {
      return copy.collection == collection.id && !copy.done;
    };
    if (std::ranges::any_of(progress_->snapshots, copied)) {
      return FailedPreconditionError("the stored rows of collection " + name.ToString() +
                                     " are being copied, and its log goes on after them: leave its "
                                     "positions out, or end the copy first");
    }
    const auto begun = [&](const ReplicatedCollection& known) {
      return known.id == collection.id && known.on_target;
    };
    return std::ranges::any_of(progress_->collections, begun)
               ? OkStatus()
               : FailedPreconditionError(
                     "the task has not brought collection " + name.ToString() +
                     " to the target yet, so the rows before its positions would be missing "
                     "there: leave its positions out");
  }

  Status Compare(const Takeover& given, const Takeover& now, Extent* extent) const {
    const Timestamp end = parts_.spec->stop_at;
    if (given.ts > parts_.present) {
      return InvalidArgumentError("is later than the present of the source: " + TimeOf(given.ts) +
                                  " > " + TimeOf(parts_.present));
    }
    if (end > Timestamp{} && given.ts >= end) {
      return InvalidArgumentError("is not earlier than the task's stop_at: " + TimeOf(given.ts) +
                                  " >= " + TimeOf(end) + "; give an earlier one, or another end");
    }
    if (given.ts == Timestamp{}) {
      // Only a time says which rows are left out.
      if (now.position.empty() ||
          parts_.log->Compare(given.position, now.position) == std::strong_ordering::greater) {
        return InvalidArgumentError(
            "is later than where the task is, and has no time: give a MsgPosition with its "
            "timestamp");
      }
      extent->from_id = true;
    } else if (given.ts < now.ts) {
      extent->again_after = std::min(extent->again_after.value_or(given.ts), given.ts);
    } else if (given.ts > now.ts) {
      extent->left_out_after = std::min(extent->left_out_after.value_or(now.ts), now.ts);
      extent->left_out_until = std::max(extent->left_out_until, given.ts);
    }
    return OkStatus();
  }

  void NoteMoved(const Collection& collection, const Places& places) {
    moved_.insert(collection.id);
    for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
      Takeover place = places.at(collection.vchannels[shard]);
      place.ts = std::max(place.ts, collection.created);
      Takeover& first = first_.try_emplace(collection.pchannels[shard], place).first->second;
      first.ts = std::min(first.ts, place.ts);
      Lower(place.position, &first.position);
    }
  }

  void Lower(const MsgId& other, MsgId* id) const {
    if (!other.empty() && parts_.log->Compare(other, *id) == std::strong_ordering::less) {
      *id = other;
    }
  }

  // Reading may begin too early, since each vchannel has its time. It must not begin later than
  // another shard in the channel needs, or, if the time is earlier than the channel's, later than
  // the other collections do, even if a position does not fit its time.
  Places NotLaterThanNeeded(const Collection& collection, Places places) const {
    std::map<std::string, MsgId> first;  // by pchannel
    for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
      const MsgId& position = places.at(collection.vchannels[shard]).position;
      Lower(position, &first.try_emplace(collection.pchannels[shard], position).first->second);
    }
    for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
      Takeover& place = places.at(collection.vchannels[shard]);
      place.position = first.at(collection.pchannels[shard]);
      for (const ChannelCheckpoint& channel : progress_->channels) {
        if (channel.channel == collection.pchannels[shard] && place.ts < channel.ts) {
          Lower(channel.position, &place.position);
        }
      }
    }
    return places;
  }

  const Parts parts_;
  MetaStore::Progress* const progress_;
  std::set<CollectionId> moved_;
  // By pchannel: the earliest time and the earliest position of those.
  std::map<std::string, Takeover> first_;
};

Status NeedsForce(const std::vector<ScopeNote>& notes) {
  std::string text = "positions replace where the task reads from, which needs force";
  for (const ScopeNote& note : notes) {
    text += "; collection " + note.collection.ToString() + ": " + note.rows;
  }
  return FailedPreconditionError(std::move(text));
}

}  // namespace

Result<std::vector<ScopeNote>> RepositionTask(const ReplicatorOptions& options,
                                              const TaskSpec& spec,
                                              const std::map<CollectionId, GivenPositions>& places,
                                              bool force) {
  CDC_ASSIGN_OR_RETURN(const std::shared_ptr<const Catalog> catalog,
                       options.catalog->Sync(std::stop_token()));
  CDC_ASSIGN_OR_RETURN(const Timestamp present, options.catalog->Present(std::stop_token()));
  CDC_ASSIGN_OR_RETURN(MetaStore::Progress progress, options.store->LoadProgress(spec.id));
  Repositioning repositioning({.spec = &spec,
                               .catalog = catalog.get(),
                               .log = options.log,
                               .present = present,
                               .now_unix_ms = options.clock->UnixMs()},
                              &progress);
  std::vector<ScopeNote> notes;
  for (const auto& [id, given] : places) {
    const std::shared_ptr<const Collection> collection = catalog->Find(id);
    if (collection == nullptr || collection->state != ObjectState::kCreated) {
      return FailedPreconditionError("the source drops collection " + std::to_string(id.value) +
                                     ": leave its positions out");
    }
    CDC_ASSIGN_OR_RETURN(ScopeNote note, repositioning.Move(collection, given));
    notes.push_back(std::move(note));
  }
  if (!force) {
    return NeedsForce(notes);
  }
  repositioning.AdvanceChannels();
  CDC_RETURN_IF_ERROR(options.store->ReplaceProgress(spec.id, progress));
  return notes;
}

}  // namespace cdc
