#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/message.h"

namespace cdc {

// Whose expression language it is: they differ in literals and in reserved words.
enum class ExpressionDialect { kMilvus, kLite };

// "<primary_key> in [1,2,3]". Keys of several columns follow each other.
//
// kDataLoss: a key column is malformed. kInvalidArgument: there is no key.
Result<std::string> DeleteExpression(std::string_view primary_key,
                                     const std::vector<KeyColumn>& keys,
                                     ExpressionDialect dialect);

// Why no expression can name a field that is called `field`; empty: one can. The languages cannot
// quote the name of a field.
std::string WhyNotInExpression(std::string_view field, ExpressionDialect dialect);

}  // namespace cdc
