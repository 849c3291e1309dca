#include "api/maintenance.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "api/request_reader.h"
#include "model/message_log.h"

namespace cdc {
namespace {

using Json = nlohmann::json;

std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::optional<int64_t> IntegerOf(const Json& value) {
  if (value.is_number()) {
    const double number = value.get<double>();
    return number >= -1e15 && number <= 1e15 ? std::optional(static_cast<int64_t>(number))
                                             : std::nullopt;
  }
  const std::string text = TextOf(value);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

std::string SetLogLevel(const Json& params) {
  static const std::map<std::string, spdlog::level::level_enum> kLevels = {
      {"debug", spdlog::level::debug},     {"info", spdlog::level::info},
      {"warn", spdlog::level::warn},       {"error", spdlog::level::err},
      {"dpanic", spdlog::level::critical}, {"panic", spdlog::level::critical},
      {"fatal", spdlog::level::critical}};
  const Json* value = FindMember(params, "log_level");
  if (value == nullptr) {
    return "log_level is required";
  }
  std::string level = TextOf(*value);
  std::transform(level.begin(), level.end(), level.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto found = kLevels.find(level);
  if (found == kLevels.end()) {
    return "parse log level failed: unrecognized level: \"" + TextOf(*value) + "\"";
  }
  spdlog::set_level(found->second);
  return "set log level to " + level;
}

std::string SetForceLog(const Json& params) {
  const Json* value = FindMember(params, "force");
  if (value == nullptr) {
    return "force is required";
  }
  const std::string text = TextOf(*value);
  if (text != "true" && text != "false") {
    return "parse force failed: " + text + " is neither true nor false";
  }
  MessageLog::OfProcess().Force(text == "true");
  return "set force log msg to " + text;
}

std::string ResetLog(const Json& params) {
  std::map<std::string, int64_t> numbers;
  for (const char* key : {"count", "duration"}) {
    const Json* value = FindMember(params, key);
    if (value == nullptr) {
      return std::string(key) + " is required";
    }
    const std::optional<int64_t> number = IntegerOf(*value);
    if (!number) {
      return std::string("parse ") + key + " failed: " + TextOf(*value) + " is no integer";
    }
    numbers[key] = *number;
  }
  MessageLog::OfProcess().Reset(numbers["count"], std::chrono::minutes(numbers["duration"]));
  return "reset log msg count to " + std::to_string(numbers["count"]) + ", duration to " +
         std::to_string(numbers["duration"]);
}

}  // namespace

std::string RunMaintenance(const std::string& operation, const Json& params) {
  if (operation == "set_log_level") {
    return SetLogLevel(params);
  }
  if (operation == "set_force_log_msg") {
    return SetForceLog(params);
  }
  if (operation == "reset_log_msg") {
    return ResetLog(params);
  }
  return "unsupported operation: " + operation;
}

}  // namespace cdc
