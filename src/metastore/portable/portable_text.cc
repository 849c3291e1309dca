#include "metastore/portable/portable_text.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "metastore/records/hex.h"

namespace cdc {
namespace {

using Json = nlohmann::json;

constexpr const char* kFormat = "milvus-cdc metastore";
constexpr int64_t kFormatVersion = 1;

std::optional<std::string> DumpText(const Json& json) {
  try {
    return json.dump();
  } catch (const Json::type_error&) {  // not UTF-8
    return std::nullopt;
  }
}

std::string RecordLine(const std::string& key, const std::string& value) {
  Json line{{"key", key}, {"value", value}};
  if (value.starts_with('{') || value.starts_with('[')) {
    // Only if reading it gives the very same bytes.
    Json parsed = Json::parse(value, nullptr, /*allow_exceptions=*/false);
    if (!parsed.is_discarded() && DumpText(parsed) == value) {
      line["value"] = std::move(parsed);
    }
  }
  if (const std::optional<std::string> text = DumpText(line)) {
    return *text;
  }
  return Json{{"key", key}, {"hex", ToHex(value)}}.dump();
}

// Returns the number of records. Throws the library's errors.
Result<size_t> ReadHeader(const std::string& text) {
  const Json header = Json::parse(text);
  if (header.at("format") != kFormat) {
    return DataLossError("another format");
  }
  const auto version = header.at("version").get<int64_t>();
  if (version > kFormatVersion) {
    return FailedPreconditionError(
        "it was written by a newer milvus-cdc, which this one cannot read: version " +
        std::to_string(version) + " > " + std::to_string(kFormatVersion));
  }
  return header.at("records").get<size_t>();
}

Result<std::pair<std::string, std::string>> ReadRecord(const std::string& text) {
  const Json line = Json::parse(text);
  const auto key = line.at("key").get<std::string>();
  if (const auto hex = line.find("hex"); hex != line.end()) {
    std::optional<std::string> bytes = FromHex(hex->get_ref<const std::string&>());
    if (!bytes) {
      return DataLossError("not hexadecimal");
    }
    return std::pair(key, *std::move(bytes));
  }
  const Json& value = line.at("value");
  return std::pair(key, value.is_string() ? value.get<std::string>() : value.dump());
}

// Calls `read`, and makes a Status of what the library throws.
template <class T>
Result<T> ReadLine(Result<T> (*read)(const std::string&), const std::string& text) {
  try {
    return read(text);
  } catch (const Json::parse_error& error) {
    // The library's message quotes the text.
    return DataLossError("no JSON at byte " + std::to_string(error.byte));
  } catch (const Json::exception& error) {
    return DataLossError(error.what());
  }
}

}  // namespace

std::string WritePortableText(const std::map<std::string, std::string>& records) {
  const Json header{{"format", kFormat}, {"version", kFormatVersion}, {"records", records.size()}};
  std::string text = header.dump() + "\n";
  for (const auto& [key, value] : records) {
    text += RecordLine(key, value) + "\n";
  }
  return text;
}

Result<std::map<std::string, std::string>> ParsePortableText(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  const Result<size_t> announced = ReadLine(&ReadHeader, line);
  if (announced.status().code() == StatusCode::kDataLoss) {
    return announced.status().WithContext("not an export of a metastore");
  }
  CDC_RETURN_IF_ERROR(announced.status());
  std::map<std::string, std::string> records;
  for (size_t number = 2; std::getline(lines, line); ++number) {
    Result<std::pair<std::string, std::string>> record = ReadLine(&ReadRecord, line);
    CDC_RETURN_IF_ERROR(record.status().WithContext("line " + std::to_string(number)));
    if (!records.insert(*std::move(record)).second) {
      return DataLossError("line " + std::to_string(number) + ": a second record of its key");
    }
  }
  if (records.size() != *announced) {
    return DataLossError("it is not complete: " + std::to_string(records.size()) + " of " +
                         std::to_string(*announced) + " records");
  }
  return records;
}

}  // namespace cdc
