#include "control/same_target.h"

#include "pipeline/replication.h"

namespace cdc {
namespace {

constexpr const char* kCopies =
    "; a Milvus whose etcd is a copy of another one's counts as the same, so give it an etcd of "
    "its own";

}  // namespace

bool IsSameTarget(const TaskSpec& a, const TaskSpec& b) {
  if (!a.target_identity.empty() && !b.target_identity.empty()) {
    return a.target_identity == b.target_identity;
  }
  return AddressKey(a.target) == AddressKey(b.target);
}

std::string OtherAddresses(const TaskSpec& created, const std::vector<const TaskSpec*>& others) {
  const std::string uri = created.target.ResolvedUri();
  const std::string key = AddressKey(created.target);
  std::string text;
  bool is_copy_possible = false;
  for (const TaskSpec* other : others) {
    if (other->target.ResolvedUri() == uri) {
      continue;
    }
    text +=
        (text.empty() ? "" : ", ") + ("task " + other->id) + " as " + other->target.ResolvedUri();
    is_copy_possible = is_copy_possible || AddressKey(other->target) != key;
  }
  return text.empty() ? ""
                      : " (the target is in use already by " + text +
                            (is_copy_possible ? kCopies : "") + ")";
}

Status CheckStandbyAddress(const TaskSpec& created, const std::vector<const TaskSpec*>& others) {
  const std::string key = AddressKey(created.target);
  for (const TaskSpec* other : others) {
    if (AddressKey(other->target) != key &&
        (created.sink_mode == SinkMode::kReplicate || other->sink_mode == SinkMode::kReplicate)) {
      return InvalidArgumentError("the target is the standby that task " + other->id +
                                  " writes to as " + other->target.ResolvedUri() +
                                  ": give both tasks the same address, since the stamps of "
                                  "rows that go to a standby need one clock" +
                                  kCopies);
    }
  }
  return OkStatus();
}

}  // namespace cdc
