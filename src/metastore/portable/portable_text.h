#pragma once

#include <map>
#include <string>

#include "base/status.h"

// The form of an export: JSON lines. The first one says what the text is, in which version, and how
// many records follow, each {"key": ..., "value": ...}. A value that is JSON is not quoted again;
// one that is no text is {"key": ..., "hex": ...}.
namespace cdc {

std::string WritePortableText(const std::map<std::string, std::string>& records);

// kDataLoss: not such a text, or a part of one; the message says which line, and quotes no value.
// kFailedPrecondition: of a newer version.
Result<std::map<std::string, std::string>> ParsePortableText(const std::string& text);

}  // namespace cdc
