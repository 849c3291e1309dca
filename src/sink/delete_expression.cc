#include "sink/delete_expression.h"

#include <charconv>

#include "sink/wire_format.h"

namespace cdc {
namespace {

constexpr int kData = 1;

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"': out->append("\\\""); break;
      case '\\': out->append("\\\\"); break;
      case '\n': out->append("\\n"); break;
      case '\r': out->append("\\r"); break;
      case '\t': out->append("\\t"); break;
      default: out->push_back(c);
    }
  }
  out->push_back('"');
}

void AppendNumber(uint64_t value, std::string* out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), static_cast<int64_t>(value)).ptr;
  out->append(digits, end);
  out->push_back(',');
}

bool AppendNumbers(std::string_view packed, std::string* out) {
  wire::Reader reader(packed);
  while (!reader.done()) {
    uint64_t value = 0;
    if (!reader.Varint(&value)) {
      return false;
    }
    AppendNumber(value, out);
  }
  return true;
}

// Appends "k," for each key.
bool AppendKeys(const KeyColumn& keys, std::string* out) {
  wire::Reader reader(keys.body);
  while (!reader.done()) {
    uint32_t tag = 0;
    std::string_view content;
    if (!reader.Field(&tag, &content) || tag >> 3 != kData) {
      return false;
    }
    const bool is_bytes = (tag & 7) == wire::kBytes;
    if (keys.is_string && is_bytes) {
      AppendQuoted(content, out);
      out->push_back(',');
    } else if (keys.is_string || (!is_bytes && (tag & 7) != wire::kVarint) ||
               !AppendNumbers(content, out)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string QuoteString(std::string_view text) {
  std::string out;
  AppendQuoted(text, &out);
  return out;
}

Result<std::string> DeleteExpression(std::string_view primary_key,
                                     const std::vector<KeyColumn>& keys) {
  std::string out(primary_key);
  out.append(" in [");
  const size_t empty = out.size();
  for (const KeyColumn& column : keys) {
    if (!AppendKeys(column, &out)) {
      return DataLossError("keys of a delete are malformed");
    }
  }
  if (out.size() == empty) {
    return InvalidArgumentError("a delete without keys");
  }
  out.back() = ']';
  return out;
}

}  // namespace cdc
