#include "pipeline/judge_rows.h"

#include <optional>
#include <string>
#include <utility>

namespace cdc {
namespace {

constexpr const char* kCopyInstead =
    "use start_from snapshot, which copies the stored rows, or latest, which leaves them out";

// "queue" for a queue that does not answer: the request is not at fault.
std::string AreaOf(const Status& status) { return IsRetryable(status) ? "queue" : "rows"; }

PlanItem Refuse(const CollectionFacts& facts, const Status& status, const std::string& cure) {
  return RefusedItem(AreaOf(status), facts.match.name.ToString(), status,
                     IsRetryable(status) ? "see whether the source's queue runs" : cure);
}

PlanItem Tell(const CollectionFacts& facts,
              PlanSeverity severity,
              std::string finding,
              std::string cure = "") {
  return {.severity = severity,
          .area = "rows",
          .object = facts.match.name.ToString(),
          .finding = std::move(finding),
          .cure = std::move(cure)};
}

// Whether the queue still holds all records since the collection was created; nullopt: not known.
std::optional<bool> HoldsBeginning(const CollectionFacts& facts) {
  bool known = true;
  for (const std::string& channel : facts.match.collection->pchannels) {
    const auto held = facts.held.find(channel);
    if (held != facts.held.end() && held->second.code() == StatusCode::kOutOfRange) {
      return false;
    }
    known = known && held != facts.held.end() && held->second.ok();
  }
  return known ? std::optional(true) : std::nullopt;
}

PlanItem JudgeGivenPlaces(const CollectionFacts& facts) {
  const std::string name = facts.match.name.ToString();
  const Collection& collection = *facts.match.collection;
  const auto refuse = [&facts](const Status& status) {
    return Refuse(facts, status, "give one position for each of its channels, or leave them out");
  };
  if (!(*facts.given).ok()) {
    return refuse((*facts.given).status());
  }
  const GivenPositions& given = **facts.given;
  if (given.collection != collection.id) {
    return refuse(InvalidArgumentError(
        "the positions of " + name + " are those of collection " +
        std::to_string(given.collection.value) + ", on the source it is " +
        std::to_string(collection.id.value) +
        ": it was dropped and created again; leave the positions out, or give today's"));
  }
  for (const std::string& vchannel : collection.vchannels) {
    if (!given.places.contains(vchannel)) {
      return refuse(
          InvalidArgumentError("the positions of " + name + " lack channel " + vchannel +
                               ": its rows would be lost up to now; give one for each channel"));
    }
    const auto held = facts.held.find(vchannel);
    if (held != facts.held.end() && !held->second.ok()) {
      return refuse(held->second.WithContext(
          "collection " + name + " cannot be read from the position given for " + vchannel));
    }
  }
  if (given.places.size() > collection.vchannels.size()) {
    return refuse(
        InvalidArgumentError("the positions of " + name + " name a channel that it has not"));
  }
  return Tell(facts, PlanSeverity::kNote,
              "rows from the given positions on; earlier ones must be on the target already");
}

PlanItem JudgeEarliest(const CollectionFacts& facts) {
  for (const std::string& channel : facts.match.collection->pchannels) {
    const auto held = facts.held.find(channel);
    if (held != facts.held.end() && !held->second.ok()) {
      return Refuse(facts,
                    held->second.WithContext("collection " + facts.match.name.ToString() +
                                             " cannot be read from its start"),
                    kCopyInstead);
    }
  }
  if (!HoldsBeginning(facts)) {
    return Tell(facts, PlanSeverity::kWarning,
                "its rows from the queue, and whether that still has all of them is not known: the "
                "source does not say where the collection begins",
                "use start_from snapshot to bring all rows");
  }
  return Tell(facts, PlanSeverity::kOk, "all its rows, from the queue, which holds its beginning");
}

PlanItem JudgeLatest(const CollectionFacts& facts) {
  for (const std::string& channel : facts.match.collection->pchannels) {
    const auto latest = facts.latest.find(channel);
    if (latest != facts.latest.end() && !latest->second.ok()) {
      return Refuse(facts, latest->second.status(), "see whether the source's queue runs");
    }
  }
  const std::string only_new = "only rows written from now on; what it holds now is left out, and ";
  const std::optional<bool> holds = HoldsBeginning(facts);
  if (holds.value_or(false)) {
    return Tell(facts, PlanSeverity::kNote, only_new + "the queue still has all of it",
                "use start_from earliest to bring all rows");
  }
  return Tell(facts, PlanSeverity::kNote,
              only_new + (holds ? "the queue does not have all of it any more"
                                : "whether the queue still has all of it is not known"),
              "use start_from snapshot to bring all rows");
}

PlanItem JudgeCopied(const CollectionFacts& facts, const LogChoice& choice) {
  const SnapshotProgress& copy = **facts.copy;
  return Tell(facts, PlanSeverity::kOk,
              "about " + std::to_string(copy.rows) + " stored rows (" + std::to_string(copy.bytes) +
                  " bytes) are copied, then the queue is read; the log " +
                  (choice.apply ? "is applied meanwhile" : "waits meanwhile") +
                  ", and all copies are expected to take " +
                  std::to_string(choice.copy_takes.count()) + " s");
}

}  // namespace

PlanItems JudgeRows(const CollectionFacts& facts, const LogChoice& choice) {
  if (facts.given) {
    return {JudgeGivenPlaces(facts)};
  }
  switch (facts.start) {
    case StartFrom::kEarliest: return {JudgeEarliest(facts)};
    case StartFrom::kLatest: return {JudgeLatest(facts)};
    case StartFrom::kSnapshot: break;
  }
  // A copy that cannot be planned has an item of its own: see JudgeSource.
  return facts.copy && facts.copy->ok() ? PlanItems{JudgeCopied(facts, choice)} : PlanItems{};
}

}  // namespace cdc
