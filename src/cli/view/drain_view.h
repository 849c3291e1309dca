#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace cdc::cli {

// A drain as the server describes it.
struct DrainView {
  std::string phase;      // empty: the server knows of none
  uint64_t until_ts = 0;  // hybrid; everything the source had acknowledged is at or below it
  int64_t catalog_revision = 0;
  std::vector<std::string> missing;
  std::string reason;  // why it failed
  std::string left;    // what was accepted as it is
  bool idle = false;   // there was nothing to drain
  uint64_t channels = 0;
  uint64_t rows_written = 0;
  uint64_t rows_above = 0;

  int64_t UntilUnixMs() const { return static_cast<int64_t>(until_ts >> 18); }
  bool IsUnderWay() const { return phase == "waiting" || phase == "pausing"; }
};

// Members of an unexpected type count as missing; strings are safe to print.
DrainView ReadDrain(const nlohmann::ordered_json& drain);

// "470643311880437761 (2024-05-06 07:08:09.123Z)".
std::string FormatHybrid(uint64_t ts);

}  // namespace cdc::cli
