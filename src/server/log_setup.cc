#include "server/log_setup.h"

#include <memory>
#include <utility>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "server/config_keys.h"

namespace cdc {

void SetUpLog() {
  auto logger =
      std::make_shared<spdlog::logger>("cdc", std::make_shared<spdlog::sinks::stdout_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
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
