#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/message.h"

namespace cdc {

// `text` as a literal of Milvus' expression language: in double quotes, with backslash escapes.
// Only escapes that every server knows are used; other control characters and non-ASCII text go as
// they are.
std::string QuoteString(std::string_view text);

// "<primary_key> in [1,2,3]". Keys of several columns follow each other.
//
// kDataLoss: a key column is malformed. kInvalidArgument: there is no key.
Result<std::string> DeleteExpression(std::string_view primary_key,
                                     const std::vector<KeyColumn>& keys);

}  // namespace cdc
