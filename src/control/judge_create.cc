#include "control/judge_create.h"

#include <algorithm>
#include <string>
#include <utility>

#include "control/same_target.h"
#include "control/sink_mode.h"
#include "model/given_position.h"
#include "scope/compare_scopes.h"
#include "scope/name_mapping.h"

namespace cdc {
namespace {

std::string JoinNames(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : " ") + name;
  }
  return text;
}

PlanItem Noted(PlanSeverity severity,
               const char* area,
               std::string object,
               std::string finding,
               std::string cure = "") {
  return {.severity = severity,
          .area = area,
          .object = std::move(object),
          .finding = std::move(finding),
          .cure = std::move(cure)};
}

const char* CureOfMode(const TargetInfo& target) {
  if (!target.standby_refusal.empty()) {
    return "use the token of another user, or leave sink_mode to auto";
  }
  return target.is_standby
             ? "remove common.ttMsgEnabled: false from its milvus.yaml and restart it, or leave "
               "sink_mode to auto"
             : "set common.ttMsgEnabled: false in the target's milvus.yaml and restart it, or "
               "leave "
               "sink_mode to auto";
}

// They are the whole target's: two tasks would remove each other's.
PlanItems JudgeUsers(const std::vector<const TaskSpec*>& siblings, const TaskSpec& spec) {
  const auto other = std::ranges::find_if(
      siblings, [](const TaskSpec* sibling) { return sibling->enable_user_role; });
  if (!spec.enable_user_role || other == siblings.end()) {
    return {};
  }
  return {RefusedItem(
      "access", "task " + (*other)->id,
      AlreadyExistsError("the enable user role param is duplicate, task " + (*other)->id +
                         " replicates the users and roles of this target" +
                         OtherAddresses(spec, siblings)),
      "leave enable_user_role out, or delete that task")};
}

}  // namespace

PlanItems JudgeTarget(const TaskSpec& spec, const Result<TargetInfo>& target) {
  const std::string uri = spec.target.ResolvedUri();
  if (!target.ok()) {
    // Wrong credentials are the caller's mistake; anything else may pass.
    const StatusCode code = target.status().code();
    const bool denied =
        code == StatusCode::kUnauthenticated || code == StatusCode::kPermissionDenied;
    return {RefusedItem("target", uri,
                        Status(denied ? code : StatusCode::kUnavailable,
                               "fail to connect the milvus: " + target.status().message()),
                        "see whether it runs, and whether the address and the token are right: the "
                        "server of milvus-cdc must reach it")};
  }
  return {Noted(PlanSeverity::kOk, "target", uri, "it can be reached; version " + target->version)};
}

PlanItems JudgeSink(const TargetInfo& target, TaskSpec* spec) {
  const std::string uri = spec->target.ResolvedUri();
  PlanItems items;
  const Status chosen = ChooseSinkMode(target, spec);
  if (chosen.ok()) {
    items.push_back(Noted(
        PlanSeverity::kOk, "target", uri,
        "sink mode " + std::string(SinkModeName(spec->sink_mode)) + ": " + spec->sink_mode_reason));
  } else {
    items.push_back(RefusedItem("target", uri, chosen, CureOfMode(target)));
  }
  if (chosen.ok() && !target.standby_refusal.empty()) {
    items.push_back(
        Noted(PlanSeverity::kNote, "target", uri,
              "whether it is a standby could not be found out: " + target.standby_refusal));
  }
  if (spec->enable_user_role && !target.access_refusal.empty()) {
    items.push_back(RefusedItem(
        "access", uri,
        InvalidArgumentError(
            "extra_info.enable_user_role: users and roles cannot be replicated to this target: " +
            target.access_refusal),
        "use the token of a user with the role admin, or leave enable_user_role out"));
  }
  spec->target_identity = target.identity;
  return items;
}

PlanItems JudgeBesideOthers(const std::vector<const TaskSpec*>& siblings, TaskSpec* spec) {
  PlanItems items;
  if (const Status address = CheckStandbyAddress(*spec, siblings); !address.ok()) {
    items.push_back(RefusedItem("target", spec->target.ResolvedUri(), address,
                                "create the task with the address that the other one has"));
  }
  AppendItems(JudgeUsers(siblings, *spec), &items);
  ScopeDecision decision = CompareScopes(*spec, siblings);
  if (!decision.duplicates.empty()) {
    const std::string names = JoinNames(decision.duplicates);
    items.push_back(
        RefusedItem("tasks", names,
                    AlreadyExistsError("the collection name is duplicate with existing task, [" +
                                       names + "]" + OtherAddresses(*spec, siblings)),
                    "leave them out (exclude), or delete the task that has them"));
  }
  if (const Status mapping = CheckMappingIsCovered(*spec); !mapping.ok()) {
    items.push_back(RefusedItem("names", "", mapping, "map only names that the task covers"));
  }
  for (const LeftName& left : decision.left) {
    items.push_back(Noted(PlanSeverity::kNote, "tasks", ShowLeftName(left),
                          "an older task with this target replicates it, so it is left to that"));
  }
  spec->left_to_older = std::move(decision.left);
  if (const std::string collision = FindTargetCollision(*spec, siblings); !collision.empty()) {
    items.push_back(
        RefusedItem("names", "",
                    AlreadyExistsError("the target name is duplicate with existing task, " +
                                       collision + OtherAddresses(*spec, siblings)),
                    "map it to another name (name_mapping), or leave it out (exclude)"));
  }
  return items;
}

PlanItems JudgeLimit(size_t tasks, int max_tasks) {
  if (tasks >= static_cast<size_t>(std::max(max_tasks, 0))) {
    return {RefusedItem("tasks", "",
                        Status(StatusCode::kResourceExhausted,
                               "the task num has reach the limit, " + std::to_string(max_tasks)),
                        "delete a task, or raise maxTaskNum in the configuration")};
  }
  return {Noted(PlanSeverity::kOk, "tasks", "",
                "there are " + std::to_string(tasks) + " of at most " + std::to_string(max_tasks) +
                    " tasks")};
}

Status CheckExperimental(bool experimental, const std::string& what) {
  return experimental ? OkStatus()
                      : FailedPreconditionError(
                            what +
                            " is experimental: read docs/experimental.md, which tells what is not "
                            "proven of it, and set experimental: true in the server's "
                            "configuration");
}

PlanItems JudgeEnd(bool experimental, const TaskSpec& spec) {
  const Status allowed =
      spec.stop_at > Timestamp{} ? CheckExperimental(experimental, "stop_at") : OkStatus();
  return allowed.ok() ? PlanItems()
                      : PlanItems{RefusedItem("rows", "", allowed, "leave stop_at out")};
}

PlanItems JudgePositions(const TaskSpec& spec) {
  const Status readable = CheckGivenPositions(spec);
  return readable.ok() ? PlanItems()
                       : PlanItems{RefusedItem("rows", "", readable,
                                               "give positions as the answer to `position` has "
                                               "them, or leave them out")};
}

}  // namespace cdc
