#include "scope/check_scope.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "scope/scope_rules.h"

namespace cdc {
namespace {

constexpr const char* kGlobs = "; the only globs are `*` (any characters) and `?` (one character)";

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsGlob(char c) { return c == '*' || c == '?'; }

bool CanBeInName(char c) {
  return IsLetter(c) || IsDigit(c) || IsGlob(c) || c == '_' || c == '$' || c == '-';
}

// Guesses what the user meant and says how to write it.
std::string CureFor(char c) {
  if (c == ',' || c == ';' || c == '|') {
    return "; give each name as an element of its own";
  }
  if (std::string_view("{}[]()!^").find(c) != std::string_view::npos) {
    return std::string(kGlobs) +
           ": give each name as an element of its own, and what is to be left out in `exclude`";
  }
  return std::string("; names have letters, digits and underscores") + (c == '%' ? kGlobs : "");
}

// One (UTF-8) character; a control character by its number.
std::string Show(std::string_view text, size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7f) {
    constexpr std::string_view kHex = "0123456789abcdef";
    return std::string("\\x") + kHex[byte >> 4U] + kHex[byte & 0xFU];
  }
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    ++end;
  }
  return std::string(text.substr(at, end - at));
}

Status CheckExcludeEntry(const std::string& text, int max_length) {
  const std::string what = "exclude";
  const size_t dot = text.find('.');
  const std::string database = dot == std::string::npos ? "*" : text.substr(0, dot);
  const std::string collection = dot == std::string::npos ? text : text.substr(dot + 1);
  if (database.empty() || collection.empty() || collection.find('.') != std::string::npos) {
    return InvalidArgumentError(
        "exclude must be `db.collection`, or `collection` for one of the database `default`, [" +
        text + "]");
  }
  for (const std::string& name : {database, collection}) {
    if (name.size() > static_cast<size_t>(max_length)) {
      return InvalidArgumentError("a name in exclude exceeds " + std::to_string(max_length) +
                                  " characters, [" + text + "]");
    }
    CDC_RETURN_IF_ERROR(CheckNamePattern("name in exclude", name));
  }
  return OkStatus();
}

}  // namespace

Status CheckNamePattern(std::string_view what, std::string_view text) {
  const std::string name = "the " + std::string(what) + " [" + std::string(text) + "] ";
  if (text.empty()) {
    return InvalidArgumentError("the " + std::string(what) + " is empty");
  }
  if (IsBlank(text.front()) || IsBlank(text.back())) {
    return InvalidArgumentError(name +
                                "begins or ends with a blank: leave the blank out, or write `?` in "
                                "its place if the name really has one");
  }
  for (size_t at = 0; at < text.size(); ++at) {
    if (!CanBeInName(text[at])) {
      return InvalidArgumentError(name + "has a `" + Show(text, at) +
                                  "`, which no name of a Milvus has" + CureFor(text[at]));
    }
  }
  if (!IsLetter(text.front()) && !IsGlob(text.front()) && text.front() != '_') {
    return InvalidArgumentError(name + "begins with a `" + Show(text, 0) +
                                "`, but every name of a Milvus begins with a letter or an "
                                "underscore");
  }
  return OkStatus();
}

Status CheckExclude(const TaskSpec& spec, int max_name_length) {
  for (const std::string& text : spec.exclude) {
    CDC_RETURN_IF_ERROR(CheckExcludeEntry(text, max_name_length));
  }
  const ScopeRules rules(spec);
  for (size_t i = 0; i < spec.exclude.size(); ++i) {
    // ScopeRules keeps the order of spec.exclude.
    const CollectionPattern& excluded = rules.excluded[i];
    const bool is_covered =
        std::any_of(rules.included.begin(), rules.included.end(),
                    [&excluded](const auto& each) { return each.pattern.Intersects(excluded); });
    if (!is_covered) {
      const bool has_database = spec.exclude[i].find('.') != std::string::npos;
      return InvalidArgumentError(
          "exclude names nothing that the task covers, [" + excluded.ToString() + "]" +
          (has_database ? ""
                        : "; write `db." + spec.exclude[i] + "` for another database, `*." +
                              spec.exclude[i] + "` for every database"));
    }
  }
  for (const ScopeRules::Included& each : rules.included) {
    if (rules.ExcludesAllOf(each.pattern)) {
      return InvalidArgumentError("exclude leaves nothing of what the task is to cover, [" +
                                  each.pattern.ToString() + "]");
    }
  }
  return OkStatus();
}

}  // namespace cdc
