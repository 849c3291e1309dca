#include "cli/view/drain_view.h"

#include <nlohmann/json.hpp>

#include "cli/view/format.h"
#include "cli/view/json_reading.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

uint64_t Amount(const Json& json, const char* key) {
  const Json& value = Member(json, key);
  const bool usable =
      value.is_number_unsigned() || (value.is_number_integer() && value.get<int64_t>() >= 0);
  return usable ? value.get<uint64_t>() : 0;
}

bool Flag(const Json& json, const char* key) {
  const Json& value = Member(json, key);
  return value.is_boolean() && value.get<bool>();
}

}  // namespace

DrainView ReadDrain(const Json& drain) {
  return {.phase = Text(drain, "phase"),
          .until_ts = Amount(drain, "until_ts"),
          .catalog_revision = static_cast<int64_t>(Amount(drain, "catalog_revision")),
          .missing = Texts(drain, "missing"),
          .reason = Text(drain, "reason"),
          .left = Text(drain, "left"),
          .idle = Flag(drain, "idle"),
          .channels = Amount(drain, "channels"),
          .rows_written = Amount(drain, "rows_written"),
          .rows_above = Amount(drain, "rows_above")};
}

std::string FormatHybrid(uint64_t ts) {
  return std::to_string(ts) + " (" + FormatTime(static_cast<int64_t>(ts >> 18)) + ")";
}

}  // namespace cdc::cli
