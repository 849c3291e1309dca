#include "server/log_setup.h"

#include <memory>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "server/config_keys.h"

namespace cdc {

namespace {

// The text of an event as a JSON string.
class JsonText final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message,
              const std::tm& /*time*/,
              spdlog::memory_buf_t& line) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const std::string json = nlohmann::json(text).dump(-1, ' ', /*ensure_ascii=*/false,
                                                       nlohmann::json::error_handler_t::replace);
    line.append(json.data(), json.data() + json.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<JsonText>();
  }
};

std::unique_ptr<spdlog::formatter> NewFormatter(bool json) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (json) {
    formatter->add_flag<JsonText>('J').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":%J})");
  } else {
    formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  }
  return formatter;
}

}  // namespace

Status SetUpLog(const LogConfig& config) {
  std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stdout_sink_mt>()};
  if (!config.path.empty()) {
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
          config.path, size_t{1'000'000} * static_cast<size_t>(config.max_size_mb),
          static_cast<size_t>(config.max_files)));
    } catch (const spdlog::spdlog_ex& error) {
      return InvalidArgumentError("log.path: " + std::string(error.what()) +
                                  "; the folder must exist or be creatable, and writable");
    }
  }
  auto logger = std::make_shared<spdlog::logger>("cdc", sinks.begin(), sinks.end());
  logger->set_formatter(NewFormatter(config.json));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
  return OkStatus();
}

bool SetLogLevel(const std::string& level) {
  struct Level {
    const char* name;
    spdlog::level::level_enum value;
  };
  static constexpr Level kLevels[] = {
      {"debug", spdlog::level::debug},     {"info", spdlog::level::info},
      {"warn", spdlog::level::warn},       {"error", spdlog::level::err},
      {"dpanic", spdlog::level::critical}, {"panic", spdlog::level::critical},
      {"fatal", spdlog::level::critical}};
  for (const Level& known : kLevels) {
    if (SameConfigKey(known.name, level)) {
      spdlog::set_level(known.value);
      return true;
    }
  }
  spdlog::set_level(spdlog::level::info);
  return false;
}

}  // namespace cdc
