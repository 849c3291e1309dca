#include "pipeline/collection_beginning.h"

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

}  // namespace

CollectionBeginning BeginningOf(const CollectionFacts& facts, Timestamp present) {
  const Collection& collection = *facts.match.collection;
  CollectionBeginning beginning{.record = {.id = collection.id,
                                           .source = facts.match.name,
                                           .target = facts.target,
                                           .pchannels = collection.pchannels,
                                           .created = collection.created,
                                           .skip_until = {}}};
  ReplicatedCollection& record = beginning.record;
  if (facts.given) {
    // Whoever gives positions has the stored rows on the target already, e.g. from a backup: the
    // log takes over there, as after a copy of ours.
    const GivenPositions& given = **facts.given;
    beginning.given =
        SnapshotProgress{.collection = given.collection, .takeover = given.places, .done = true};
    record.may_hold_until = present;
    // It must be there, with the rows up to the positions: it is not created without them.
    record.seen_on_target = HasRowsBefore(given, collection);
    return beginning;
  }
  if (facts.start != StartFrom::kLatest) {
    // Whatever an earlier task may have written is at or below this time; stored rows are, too.
    record.may_hold_until = present;
  }
  for (const auto& [channel, latest] : facts.latest) {
    record.skip_until[channel] = *latest;
  }
  return beginning;
}

}  // namespace cdc
