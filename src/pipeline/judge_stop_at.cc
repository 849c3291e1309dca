#include "pipeline/judge_stop_at.h"

#include <algorithm>
#include <string>

#include "base/time_text.h"

namespace cdc {
namespace {

std::string TimeOf(Timestamp ts) {
  return std::to_string(ts.value) + " (" + FormatTime(ts.UnixMs()) + ")";
}

// The latest time at which the collection is known to begin; 0: at its creation, or not known.
Timestamp BeginOf(const CollectionFacts& facts, Timestamp present) {
  if (!facts.given) {
    return facts.start == StartFrom::kEarliest ? Timestamp{} : present;
  }
  Timestamp begin;
  if ((*facts.given).ok()) {
    for (const auto& [vchannel, place] : (*facts.given)->places) {
      begin = std::max(begin, place.ts);
    }
  }
  return begin;
}

}  // namespace

PlanItems JudgeStopAt(const TaskSpec& spec, const TaskFacts& facts) {
  if (spec.stop_at == Timestamp{} || !facts.present.ok()) {
    return {};
  }
  if (facts.collections.empty() && *facts.present >= spec.stop_at) {
    return {RefusedItem("rows", "",
                        InvalidArgumentError("no collection that the task covers existed on the "
                                             "source at its stop_at, " +
                                             TimeOf(spec.stop_at)),
                        "use a later stop_at")};
  }
  for (const CollectionFacts& each : facts.collections) {
    const Timestamp begin = BeginOf(each, *facts.present);
    if (begin >= spec.stop_at) {
      return {RefusedItem(
          "rows", each.match.name.ToString(),
          InvalidArgumentError("stop_at " + TimeOf(spec.stop_at) +
                               " is not later than where collection " + each.match.name.ToString() +
                               " begins, " + TimeOf(begin) +
                               (each.given ? "" : ", the present of the source")),
          each.given ? "use a later stop_at, or earlier positions"
                     : "use a later stop_at, or start_from earliest")};
    }
  }
  return {{.severity = PlanSeverity::kNote,
           .area = "rows",
           .object = "",
           .finding = "no rows after " + TimeOf(spec.stop_at) + "; then the task pauses",
           .cure = ""}};
}

}  // namespace cdc
