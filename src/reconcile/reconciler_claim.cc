#include <string>
#include <utility>

#include "reconcile/reconciler.h"

// How the reconciler sees to it that no other task writes a collection too: one target may have
// several addresses, and an address may come to mean another server.
namespace cdc {

// Claims what the target shows of a collection; else its rows wait.
Status Reconciler::Claim(Entry& entry) {
  // Where a target tells no identity, its address and the name have to do.
  const std::string collection = entry.actual->identity.empty()
                                     ? parts_.target_address + "/" + entry.target.ToString()
                                     : entry.actual->identity;
  if (collection == entry.claimed) {
    return OkStatus();
  }
  Unclaim(entry);
  const CollectionClaims::Outcome claim = parts_.claims->Claim(collection, parts_.task_id);
  entry.shared = entry.shared || claim.taken_over || claim.holder.has_value();
  if (claim.holder.has_value()) {
    parts_.gates->Close(entry.source->id);
    return UnavailableError("task " + *claim.holder +
                            " writes this collection of the target already, maybe under another "
                            "address: delete or pause one of the two tasks (a Milvus whose etcd is "
                            "a copy of the other's counts as the same)");
  }
  entry.claimed = collection;
  const Status noted = entry.shared ? NoteRowsOfOthers(entry) : OkStatus();
  if (!noted.ok()) {
    Unclaim(entry);
  }
  return noted;
}

// Another task may have written all rows up to now: they are written as upserts.
Status Reconciler::NoteRowsOfOthers(Entry& entry) {
  CDC_ASSIGN_OR_RETURN(const Timestamp present, parts_.catalog->Present(stop_));
  const Timestamp before = std::exchange(entry.may_hold_until, present);
  if (const Status recorded = Record(entry.source->id, entry); !recorded.ok()) {
    entry.may_hold_until = before;
    return recorded;
  }
  entry.shared = false;
  return OkStatus();
}

void Reconciler::Unclaim(Entry& entry) {
  if (!entry.claimed.empty()) {
    parts_.claims->Release(entry.claimed, parts_.task_id);
    entry.claimed.clear();
  }
}

}  // namespace cdc
