#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/status.h"

// For records that we write and read again: readers of JSON that throw if it is not what they
// expect, and ReadStored, which makes a Status of that. Only for the .cc of such a record.
namespace cdc {

struct NotOurs {
  std::string what;
};

inline constexpr int kStoredFormat = 1;

// Throws for a fraction, and for what is no int.
inline int ReadInt(const nlohmann::ordered_json& json) {
  const int64_t value = json.get_ref<const nlohmann::ordered_json::number_integer_t&>();
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
    throw NotOurs{"a number is too large: " + std::to_string(value)};
  }
  return static_cast<int>(value);
}

// The bytes of a text in base64.
inline std::string ReadBytes(const nlohmann::ordered_json& json) {
  std::optional<std::string> bytes = DecodeBase64(json.get_ref<const std::string&>());
  if (!bytes) {
    throw NotOurs{"bytes are not base64"};
  }
  return *std::move(bytes);
}

// Runs `read` on the JSON. kDataLoss: it is no JSON, or `read` throws.
template <class Value, class Read>
Result<Value> ReadStored(std::string_view text, const char* what, Read read) {
  const auto error = [what](const std::string& why) {
    return DataLossError(std::string(what) + " cannot be read: " + why);
  };
  try {
    return read(nlohmann::ordered_json::parse(text));
  } catch (const NotOurs& not_ours) {
    return error(not_ours.what);
  } catch (const nlohmann::json::exception& exception) {
    constexpr size_t kQuotedBytes = 200;  // it may quote the text
    return error(std::string(exception.what()).substr(0, kQuotedBytes));
  }
}

// kFailedPrecondition: a later version has written the record.
inline Status CheckFormat(const nlohmann::ordered_json& json, const char* what) {
  if (const int format = ReadInt(json.at("format")); format != kStoredFormat) {
    return FailedPreconditionError("a later version of milvus-cdc has written " +
                                   std::string(what) +
                                   "; use that one, or another topic: " + std::to_string(format));
  }
  return OkStatus();
}

}  // namespace cdc
