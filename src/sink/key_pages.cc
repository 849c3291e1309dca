#include "sink/key_pages.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

// What a Milvus accepts at most (quotaAndLimits.limits.maxQueryResultWindow).
constexpr size_t kMaxKeys = 16'384;
// A proxy of Milvus sends at most 64 MB.
constexpr size_t kMaxBytes = 16U << 20;

size_t LimitOf(const KeyScope& scope) {
  return scope.max_key_bytes == 0
             ? kMaxKeys
             : std::clamp<size_t>(kMaxBytes / scope.max_key_bytes, 2, kMaxKeys);
}

// Those not above the middle one: about half of all keys, if these are any of them.
PrimaryKey MiddleOf(const std::vector<PrimaryKey>& sorted) {
  return sorted[(sorted.size() - 1) / 2];
}

}  // namespace

Result<KeyPage> ReadKeyPage(const KeyScope& scope,
                            const std::optional<PrimaryKey>& after,
                            const KeyQueries& queries) {
  if (const std::string why = WhyNotInExpression(scope.primary_key, queries.dialect);
      !why.empty()) {
    return FailedPreconditionError(
        "the keys of collection " + scope.target.ToString() +
        " on the target cannot be read: " + why + ": " + scope.primary_key +
        "; drop the collection there, and it is created and copied anew");
  }
  const size_t limit = LimitOf(scope);
  std::optional<PrimaryKey> up_to;
  for (;;) {
    const std::string expression = KeyBoundsExpression(
        scope.primary_key, {.is_text = scope.max_key_bytes > 0, .after = after, .up_to = up_to},
        scope.filter, queries.dialect);
    KeyPage page;
    CDC_ASSIGN_OR_RETURN(page.keys, queries.query(expression, limit));
    std::ranges::sort(page.keys);
    if (queries.smallest_first) {
      // A page that is not full may not be the last: a key that the server holds twice counts
      // twice.
      page.next = page.keys.empty() ? std::nullopt : std::optional(page.keys.back());
      return page;
    }
    if (page.keys.size() < limit) {
      page.next = up_to;
      return page;
    }
    PrimaryKey middle = MiddleOf(page.keys);
    if (up_to == middle) {
      return InternalError("the target returns keys that were not asked for: " + expression);
    }
    up_to = std::move(middle);
  }
}

}  // namespace cdc
