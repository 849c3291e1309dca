#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "source/log.h"

// Changes of what a stopped task has stored, after which it starts as if it had always been so:
// pure functions on its progress. Whatever concerns one collection leaves the others where they
// are.
namespace cdc {

// Leaves the collection where it is; the channels go on without it. `reason`: why; empty: because
// its stored rows are to be copied. A collection that is aside already keeps its place.
void SetAside(const Collection& collection,
              const CollectionName& name,
              const std::string& reason,
              int64_t now_unix_ms,
              MetaStore::Progress* progress);

// Ends that: the collection goes on with its copy, if it has an unfinished one that the log waits
// for, or else with the log from where it was left, and with its copy beside it. `present`: at or
// above the time of every row ever sent; up to it, rows are repeated in a way that cannot double
// them. `log`: the queue, to compare places without a time.
void TakeUp(const Collection& collection,
            Timestamp present,
            const Log& log,
            MetaStore::Progress* progress);

// Copies stored rows of the collection, while the other collections of its channels go on. The
// collection must not be followed: call SetAside first.
void CopyAgain(const Collection& collection,
               const CopySelection& selection,
               MetaStore::Progress* progress);

// Forgets the copy of a collection that is aside. Its place becomes that of the copy if that is
// earlier, so that the log replaces the rows that the copy has written, whenever it is taken up.
void CancelCopy(const Collection& collection, MetaStore::Progress* progress);

// The copy is done: the collection follows its log. After a copy of everything, from where the log
// takes over, since the rows up to there come from the copy; after one of some rows, from there or
// where the collection was left, whichever is earlier: the other rows are as of the latter, and the
// log makes both equal to the source, whose last change of each key it has.
void FollowCopied(const Collection& collection,
                  Timestamp present,
                  const Log& log,
                  MetaStore::Progress* progress);

// The collection, which must be aside and not be copied, follows its log from other places, by
// vchannel, whatever the target has of it. Up to `present`, rows are repeated in a way that cannot
// double them.
void ReadFrom(const Collection& collection,
              std::map<std::string, Takeover> places,
              Timestamp present,
              const Log& log,
              MetaStore::Progress* progress);

// Forgets the collection; what the target has of it stays there.
void ForgetCollection(CollectionId collection, MetaStore::Progress* progress);

// The channel cannot be read from its checkpoint any more: its collections must begin elsewhere.
void ForgetChannel(const std::string& channel, MetaStore::Progress* progress);

// Where a collection that is aside goes on in the channel if it is taken up.
Takeover PlaceToGoOn(const Collection& collection,
                     const std::string& channel,
                     const MetaStore::Progress& progress);

// Whether the stored rows are being copied while the log is applied.
bool IsLogApplied(const SnapshotProgress& copy);

const AsideCollection* FindAside(CollectionId collection, const MetaStore::Progress& progress);

}  // namespace cdc
