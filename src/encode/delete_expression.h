#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/message.h"
#include "model/primary_key.h"

namespace cdc {

// The expression languages. They differ in literals and reserved words.
enum class ExpressionDialect { kMilvus, kLite };

// Returns "<primary_key> in [1,2,3]" with the keys of all columns.
//
// kDataLoss: a key column is malformed. kInvalidArgument: there is no key.
Result<std::string> DeleteExpression(std::string_view primary_key,
                                     const std::vector<KeyColumn>& keys,
                                     ExpressionDialect dialect);

// Keys in (after, up_to]; without a bound, all on that side.
struct KeyBounds {
  bool is_text = false;
  std::optional<PrimaryKey> after;
  std::optional<PrimaryKey> up_to;
};

// Returns a condition that exactly the rows with a key in the range satisfy, and `filter`, another
// condition, unless that is empty. It is never empty.
std::string KeyBoundsExpression(std::string_view primary_key,
                                const KeyBounds& range,
                                const std::string& filter,
                                ExpressionDialect dialect);

// Returns why expressions cannot name a field called `field`, or an empty string if they can. The
// languages have no way to quote the name of a field.
std::string WhyNotInExpression(std::string_view field, ExpressionDialect dialect);

}  // namespace cdc
