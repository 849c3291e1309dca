#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace cdc {

// Replaces "%2F" by "/" and so on. nullopt: a "%" without two hexadecimal digits.
std::optional<std::string> DecodePercent(std::string_view text);

// The same the other way round, for one segment of a path: everything but unreserved characters
// (RFC 3986) is encoded.
std::string EncodePathSegment(std::string_view text);

using QueryParameters = std::map<std::string, std::string>;

// Parses "a=1&b=x+y". kInvalidArgument: a malformed encoding, or a name that occurs twice.
Result<QueryParameters> ParseQuery(std::string_view query);

}  // namespace cdc
