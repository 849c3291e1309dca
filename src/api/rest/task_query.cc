#include "api/rest/task_query.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include <strings.h>

#include "base/base64.h"
#include "model/condition.h"
#include "scope/scope_rules.h"

namespace cdc {
namespace {

constexpr size_t kDefaultLimit = 100;
constexpr size_t kMaxLimit = 1000;
// Says what the rest is, so that a token can hold something else one day.
constexpr std::string_view kTokenMark = "id:";

constexpr std::array kStates = {TaskState::kInitial, TaskState::kRunning, TaskState::kPaused};
constexpr std::array kConditions = {Condition::kOk, Condition::kWaiting, Condition::kRetrying,
                                    Condition::kPaused, Condition::kFailed};

std::string ValueOf(const QueryParameters& parameters, const char* name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

// Reads a name of `values`; an empty one is none.
template <typename Enum, size_t N, typename Name>
std::optional<Enum> ReadName(const QueryParameters& parameters,
                             const char* key,
                             const std::array<Enum, N>& values,
                             Name name_of,
                             std::vector<FieldError>* errors) {
  const auto found = parameters.find(key);
  if (found == parameters.end()) {
    return std::nullopt;
  }
  std::string names;
  for (const Enum value : values) {
    if (found->second == name_of(value)) {
      return value;
    }
    names += std::string(names.empty() ? "" : ", ") + std::string(name_of(value));
  }
  errors->push_back({key, "can be one of " + names});
  return std::nullopt;
}

// Base64 in the alphabet that needs no encoding in a query, without padding.
std::string EncodeToken(const std::string& id) {
  std::string token = EncodeBase64(std::string(kTokenMark) + id);
  std::ranges::replace(token, '+', '-');
  std::ranges::replace(token, '/', '_');
  token.erase(std::min(token.find('='), token.size()));
  return token;
}

std::optional<std::string> DecodeToken(std::string token) {
  std::ranges::replace(token, '-', '+');
  std::ranges::replace(token, '_', '/');
  token.append((4 - token.size() % 4) % 4, '=');
  const std::optional<std::string> text = DecodeBase64(token);
  if (!text || !text->starts_with(kTokenMark)) {
    return std::nullopt;
  }
  return text->substr(kTokenMark.size());
}

bool Contains(std::string_view text, const std::string& part) {
  return strcasestr(std::string(text).c_str(), part.c_str()) != nullptr;
}

bool CoversDatabase(const TaskSpec& spec, const std::string& database) {
  return std::ranges::any_of(ScopeRules(spec).included, [&](const ScopeRules::Included& included) {
    return included.pattern.database.Matches(database);
  });
}

bool IsTarget(const TaskSpec& spec, const std::string& address) {
  const std::string uri = spec.target.ResolvedUri();
  return uri == address || (uri.ends_with("://" + address) && !address.empty());
}

bool Mentions(const TaskView& view, const std::string& text) {
  const TaskSpec& spec = view.record.spec;
  if (Contains(spec.id, text) || Contains(spec.target.ResolvedUri(), text) ||
      Contains(view.record.reason, text) || Contains(view.status.reason, text)) {
    return true;
  }
  return std::ranges::any_of(ScopeRules(spec).included, [&](const ScopeRules::Included& included) {
    return Contains(included.pattern.ToString(), text);
  });
}

bool Fits(const TaskView& view, const TaskQuery& query) {
  return (!query.state || view.record.state == *query.state) &&
         (!query.condition || view.status.condition == *query.condition) &&
         (query.database.empty() || CoversDatabase(view.record.spec, query.database)) &&
         (query.target.empty() || IsTarget(view.record.spec, query.target)) &&
         (query.text.empty() || Mentions(view, query.text));
}

}  // namespace

TaskQuery ReadTaskQuery(const QueryParameters& parameters, std::vector<FieldError>* errors) {
  TaskQuery query;
  query.state = ReadName(parameters, "state", kStates, TaskStateName, errors);
  query.condition = ReadName(parameters, "condition", kConditions, ConditionName, errors);
  query.database = ValueOf(parameters, "database");
  query.target = ValueOf(parameters, "target");
  query.text = ValueOf(parameters, "q");
  query.limit = kDefaultLimit;
  if (const auto found = parameters.find("limit"); found != parameters.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), query.limit);
    if (error != std::errc() || end != text.data() + text.size() || query.limit < 1 ||
        query.limit > kMaxLimit) {
      errors->push_back({"limit", "must be a number from 1 to " + std::to_string(kMaxLimit)});
    }
  }
  if (const auto found = parameters.find("page_token"); found != parameters.end()) {
    const std::optional<std::string> after = DecodeToken(found->second);
    if (!after) {
      errors->push_back({"page_token", "is not the next_page_token of an answer"});
    }
    query.after = after.value_or("");
  }
  return query;
}

TaskPage FindTasks(const std::vector<TaskView>& tasks, const TaskQuery& query) {
  TaskPage page;
  for (const TaskView& view : tasks) {
    if ((!query.after.empty() && view.record.spec.id <= query.after) || !Fits(view, query)) {
      continue;
    }
    if (page.tasks.size() == query.limit) {
      page.next_token = EncodeToken(page.tasks.back().record.spec.id);
      break;
    }
    page.tasks.push_back(view);
  }
  return page;
}

}  // namespace cdc
