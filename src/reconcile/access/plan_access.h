#pragma once

#include <string>
#include <vector>

#include "model/access.h"
#include "scope/scope.h"

// What must change so that the target's users and roles are like the source's: pure functions.
namespace cdc {

// What a task wants the target to have.
struct WantedAccess {
  AccessSet items;  // with the target's names
  // Grants of the source that the task does not replicate, with the source's names: of databases
  // and collections that it does not cover, and of groups of privileges (Milvus 2.4 and later).
  AccessSet outside;
  AccessSet of_groups;
};

// A grant is replicated if the task covers what it names: its database is `*`, or one of the
// task's; of the collections in it it names one that the task covers, or all of them if the task
// covers them all. Database and collection get their names on the target. The user `root` and the
// roles `admin` and `public` are on every target, so they are no items; their grants and roles are.
WantedAccess FindWantedAccess(const Access& source, const Scope& scope);

struct AccessPlan {
  // To be stored before anything is changed: what the target has or is about to get.
  AccessSet record;
  std::vector<AccessChange> changes;  // in this order
  // To be removed from what is stored: the target does not have it any more.
  AccessSet forget;
  // Users that only the source has.
  std::vector<std::string> missing_users;
};

// `recorded`: what the task has stored so far. Only that is ever removed from the target.
// `own_user`: whom the task works as on the target; it is never removed and loses no role. Empty:
// unknown.
AccessPlan PlanAccess(const AccessSet& wanted,
                      const AccessSet& target,
                      const AccessSet& recorded,
                      const std::string& own_user);

}  // namespace cdc
