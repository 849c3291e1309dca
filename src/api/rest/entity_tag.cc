#include "api/rest/entity_tag.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "api/task_json.h"

namespace cdc {

std::string EntityTag(const TaskView& view) {
  TaskView kept{.record = view.record};
  kept.status.condition = view.status.condition;
  kept.status.reason = view.status.reason;
  kept.status.phase = view.status.phase;
  kept.status.set_aside = view.status.set_aside;
  if (view.drain) {
    kept.drain =
        DrainStatus{.phase = view.drain->phase, .since_unix_ms = view.drain->since_unix_ms};
  }
  std::array<char, 24> tag{};
  // A tag is only compared with tags of the same program: any hash will do.
  const uint64_t hash = std::hash<std::string>()(DumpJson(EncodeTask(kept, 0)));
  const int size =
      std::snprintf(tag.data(), tag.size(), "\"%016llx\"", static_cast<unsigned long long>(hash));
  return {tag.data(), static_cast<size_t>(size)};
}

bool NamesTag(std::string_view header, std::string_view tag) {
  while (!header.empty()) {
    std::string_view item = header.substr(0, header.find(','));
    header.remove_prefix(std::min(item.size() + 1, header.size()));
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    item = item.substr(0, item.find_last_not_of(" \t") + 1);
    if (item.starts_with("W/")) {
      item.remove_prefix(2);  // a cache on the way may have weakened it
    }
    if (item == tag || item == "*") {
      return true;
    }
  }
  return false;
}

}  // namespace cdc
