#include "encode/delete_expression.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <span>

#include "wire/wire_reader.h"

namespace cdc {
namespace {

constexpr int kData = 1;

using Words = std::span<const std::string_view>;

// The tokens of Milvus' grammar that look like a name; case matters. Later versions have more of
// them (text_match, phrase_match, random_sample, IN, AND, …). Such a server refuses the others by
// itself, when the collection is created or when it parses the delete.
constexpr std::array<std::string_view, 28> kMilvusWords = {
    "in",
    "not",
    "and",
    "or",
    "like",
    "LIKE",
    "exists",
    "EXISTS",
    "true",
    "True",
    "TRUE",
    "false",
    "False",
    "FALSE",
    "json_contains",
    "JSON_CONTAINS",
    "json_contains_all",
    "JSON_CONTAINS_ALL",
    "json_contains_any",
    "JSON_CONTAINS_ANY",
    "array_contains",
    "ARRAY_CONTAINS",
    "array_contains_all",
    "ARRAY_CONTAINS_ALL",
    "array_contains_any",
    "ARRAY_CONTAINS_ANY",
    "array_length",
    "ARRAY_LENGTH",
};

// The reserved words of Milvus Lite; case does not matter.
constexpr std::array<std::string_view, 12> kLiteWords = {
    "in", "not", "and", "or", "like", "exists", "is", "null", "true", "false", "iso", "interval",
};

bool Contains(Words words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

bool IsReserved(std::string_view name, ExpressionDialect dialect) {
  return dialect == ExpressionDialect::kLite ? Contains(kLiteWords, Lower(name))
                                             : Contains(kMilvusWords, name);
}

bool IsIdentifier(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_part = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && is_letter(name.front()) && std::all_of(name.begin(), name.end(), is_part);
}

// A character of several bytes in UTF-8.
struct WideCharacter {
  uint32_t code = 0;
  size_t bytes = 0;  // 0: the text does not begin with one
};

WideCharacter FirstWideCharacter(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const size_t bytes = byte(0) >= 0xF8   ? 0
                       : byte(0) >= 0xF0 ? 4
                       : byte(0) >= 0xE0 ? 3
                       : byte(0) >= 0xC0 ? 2
                                         : 0;
  if (bytes == 0 || text.size() < bytes) {
    return {};
  }
  uint32_t code = byte(0) & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) {
      return {};
    }
    code = code << 6U | (byte(i) & 0x3FU);
  }
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  return is_surrogate || code > 0x10FFFF ? WideCharacter{} : WideCharacter{code, bytes};
}

void AppendHex(uint32_t code, int digits, std::string* out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    out->push_back(kHex[code >> static_cast<unsigned>(shift) & 0xFU]);
  }
}

// Appends the first character of `text`; returns its bytes. Milvus 2.3.5 needs about 10 us for each
// character that is not ASCII, so 15 s for the largest delete, but only 0.5 s if they are escaped.
// Milvus Lite does not know these escapes. Bytes that are not UTF-8 are copied one by one.
size_t AppendEscaped(std::string_view text, std::string* out) {
  const WideCharacter first = FirstWideCharacter(text);
  if (first.bytes == 0) {
    out->push_back(text.front());
    return 1;
  }
  const bool is_short = first.code <= 0xFFFF;
  out->append(is_short ? "\\u" : "\\U");
  AppendHex(first.code, is_short ? 4 : 8, out);
  return first.bytes;
}

// Appends the text in double quotes. Uses only escapes that every server of the dialect knows;
// other control characters are copied.
void AppendQuoted(std::string_view text, ExpressionDialect dialect, std::string* out) {
  out->push_back('"');
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x80 && dialect == ExpressionDialect::kMilvus) {
      i += AppendEscaped(text.substr(i), out);
      continue;
    }
    switch (c) {
      case '"': out->append("\\\""); break;
      case '\\': out->append("\\\\"); break;
      case '\n': out->append("\\n"); break;
      case '\r': out->append("\\r"); break;
      case '\t': out->append("\\t"); break;
      default: out->push_back(c);
    }
    ++i;
  }
  out->push_back('"');
}

void AppendNumber(int64_t value, ExpressionDialect dialect, std::string* out) {
  if (value == std::numeric_limits<int64_t>::min() && dialect == ExpressionDialect::kMilvus) {
    // Milvus parses the digits before it negates them, and these exceed the largest number, but it
    // evaluates constant sums. Milvus Lite does not accept sums in a list, and needs none.
    AppendNumber(value + 1, dialect, out);
    out->append("-1");
    return;
  }
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out->append(digits, end);
}

bool AppendNumbers(std::string_view packed, ExpressionDialect dialect, std::string* out) {
  PackedReader reader(packed);
  for (uint64_t value = 0; reader.Next(&value);) {
    AppendNumber(static_cast<int64_t>(value), dialect, out);
    out->push_back(',');
  }
  return !reader.malformed();
}

// Appends "k," for each key.
bool AppendKeys(const KeyColumn& keys, ExpressionDialect dialect, std::string* out) {
  WireReader reader(keys.body);
  while (reader.Next()) {
    if (reader.field() != kData) {
      return false;
    }
    if (keys.is_string && reader.type() == WireType::kBytes) {
      AppendQuoted(reader.bytes(), dialect, out);
      out->push_back(',');
    } else if (!keys.is_string &&
               (reader.type() == WireType::kBytes || reader.type() == WireType::kVarint)) {
      // A number that is not packed has the same bytes as a packed one.
      if (!AppendNumbers(reader.bytes(), dialect, out)) {
        return false;
      }
    } else {
      return false;
    }
  }
  return reader.status().ok();
}

void AppendKey(const PrimaryKey& key, ExpressionDialect dialect, std::string* out) {
  if (const auto* text = std::get_if<std::string>(&key); text != nullptr) {
    AppendQuoted(*text, dialect, out);
  } else {
    AppendNumber(std::get<int64_t>(key), dialect, out);
  }
}

}  // namespace

Result<std::string> DeleteExpression(std::string_view primary_key,
                                     const std::vector<KeyColumn>& keys,
                                     ExpressionDialect dialect) {
  std::string out(primary_key);
  out.append(" in [");
  const size_t empty = out.size();
  for (const KeyColumn& column : keys) {
    if (!AppendKeys(column, dialect, &out)) {
      return DataLossError("the keys of a delete are malformed");
    }
  }
  if (out.size() == empty) {
    return InvalidArgumentError("a delete without keys");
  }
  out.back() = ']';
  return out;
}

std::string KeyBoundsExpression(std::string_view primary_key,
                                const KeyBounds& range,
                                const std::string& filter,
                                ExpressionDialect dialect) {
  std::string out(primary_key);
  // Servers refuse a query without a condition.
  const PrimaryKey smallest =
      range.is_text ? PrimaryKey(std::string()) : PrimaryKey(std::numeric_limits<int64_t>::min());
  out.append(range.after.has_value() ? " > " : " >= ");
  AppendKey(range.after.value_or(smallest), dialect, &out);
  if (range.up_to.has_value()) {
    out.append(" and ").append(primary_key).append(" <= ");
    AppendKey(*range.up_to, dialect, &out);
  }
  if (!filter.empty()) {
    out.append(" and (").append(filter).append(")");
  }
  return out;
}

std::string WhyNotInExpression(std::string_view field, ExpressionDialect dialect) {
  if (!IsIdentifier(field)) {
    return "a name in an expression may only have letters, digits and _, and no digit first";
  }
  return IsReserved(field, dialect) ? "the word is reserved in expressions" : "";
}

}  // namespace cdc
