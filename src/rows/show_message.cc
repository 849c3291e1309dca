#include "rows/show_message.h"

#include <cstdint>
#include <string_view>

#include "wire/varint.h"
#include "wire/wire_reader.h"

namespace cdc {
namespace {

constexpr int kMostValues = 10;
constexpr size_t kMostBytes = 64;  // of a string

// A list of at most kMostValues, and whether there are more.
class ShownValues {
 public:
  bool IsFull() const { return count_ == kMostValues; }

  void Add(int64_t number) { Next() += std::to_string(number); }

  // A value must not be able to look like a line of the log.
  void Add(std::string_view value) {
    std::string& text = Next();
    text += '\'';
    for (const char c : value.substr(0, kMostBytes)) {
      const auto byte = static_cast<unsigned char>(c);
      constexpr std::string_view kDigits = "0123456789abcdef";
      if (byte < ' ' || byte == 0x7f || c == '\'' || c == '\\') {
        text += std::string("\\x") + kDigits[byte >> 4] + kDigits[byte & 15];
      } else {
        text += c;
      }
    }
    text += value.size() > kMostBytes ? "…'" : "'";
  }

  std::string Text() const { return "[" + text_ + (more_ ? ", …]" : "]"); }
  void More() { more_ = true; }

 private:
  std::string& Next() {
    text_ += count_++ == 0 ? "" : ", ";
    return text_;
  }

  std::string text_;
  int count_ = 0;
  bool more_ = false;
};

void AddPacked(std::string_view numbers, ShownValues* values) {
  const char* at = numbers.data();
  const char* const end = at + numbers.size();
  while (at != nullptr && at != end) {
    if (values->IsFull()) {
      values->More();
      return;
    }
    uint64_t number = 0;
    at = wire::ReadVarint(at, end, &number);
    if (at != nullptr) {
      values->Add(static_cast<int64_t>(number));
    }
  }
}

// `body`: of an IntArray, LongArray or StringArray.
std::string ShowValues(std::string_view body, bool is_string) {
  constexpr int kData = 1;
  ShownValues values;
  WireReader reader(body);
  while (reader.Next()) {
    if (reader.field() != kData) {
      continue;
    }
    if (values.IsFull()) {
      values.More();
      break;
    }
    if (is_string) {
      values.Add(reader.bytes());
    } else if (reader.type() == WireType::kVarint) {
      values.Add(static_cast<int64_t>(reader.number()));
    } else {
      AddPacked(reader.bytes(), &values);
    }
  }
  return values.Text();
}

bool IsShownString(DataType type) {
  return type == DataType::kVarChar || type == DataType::kString;
}

bool IsShownInteger(DataType type) { return type >= DataType::kInt8 && type <= DataType::kInt64; }

}  // namespace

std::string ShowMessage(const Message& message) {
  const bool is_delete = message.type == MessageType::kDelete;
  std::string text = (is_delete ? "delete rows=" : "insert rows=") + std::to_string(message.rows);
  if (is_delete) {
    return text + " keys=" + ShowValues(message.keys.body, message.keys.is_string);
  }
  for (const Column& column : message.columns) {
    const bool is_string = IsShownString(column.type);
    if (column.kind == ColumnKind::kScalarArray && (is_string || IsShownInteger(column.type))) {
      text += " " + std::string(column.name) + "=" + ShowValues(column.body, is_string);
    }
  }
  return text;
}

}  // namespace cdc
