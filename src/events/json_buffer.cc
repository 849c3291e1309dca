#include "events/json_buffer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/base64.h"
#include "events/float_text.h"

namespace cdc {
namespace {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

constexpr size_t kMaxIntegerText = 20;
constexpr size_t kMinCapacity = 1024;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// A byte in each of eight.
constexpr uint64_t Eight(unsigned char byte) { return 0x0101010101010101U * byte; }

// Whether none of eight bytes needs a look: no control character, quote, backslash or non-ASCII.
bool IsPlain(const char* at) {
  uint64_t bytes = 0;
  std::memcpy(&bytes, at, sizeof(bytes));
  // `x - 1` of a byte borrows from its highest bit only if x is 0.
  const auto has_zero = [](uint64_t x) { return (x - Eight(1)) & ~x; };
  const uint64_t found =
      (bytes - Eight(' ')) | has_zero(bytes ^ Eight('"')) | has_zero(bytes ^ Eight('\\')) | bytes;
  return (found & Eight(0x80)) == 0;
}

// The size of the UTF-8 character of several bytes at the beginning of `text`; 0: it is none.
size_t CharacterSize(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t size = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (size == 0 || text.size() < size) {
    return 0;
  }
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      return 0;
    }
  }
  // Longer than necessary, a half of a surrogate pair, or beyond the last character.
  const bool bad = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) >= 0xA0) ||
                   (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) >= 0x90);
  return bad ? 0 : size;
}

// What stands for an ASCII character in a string.
std::string_view Escape(char c, std::array<char, 6>* unicode) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
  }
  const auto code = static_cast<unsigned char>(c);
  *unicode = {'\\', 'u', '0', '0', kHex[code >> 4U], kHex[code & 15U]};
  return {unicode->data(), unicode->size()};
}

}  // namespace

char* JsonBuffer::Room(size_t size) {
  if (capacity_ - size_ < size) {
    const size_t capacity = std::max({kMinCapacity, 2 * capacity_, size_ + size});
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    std::copy_n(bytes_.get(), size_, bytes.get());
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }
  return bytes_.get() + size_;
}

void JsonBuffer::Put(char c) {
  *Room(1) = c;
  ++size_;
}

void JsonBuffer::Append(std::string_view json) {
  Finish(std::copy(json.begin(), json.end(), Room(json.size())));
}

void JsonBuffer::AppendInt(int64_t value) {
  char* const at = Room(kMaxIntegerText);
  Finish(std::to_chars(at, at + kMaxIntegerText, value).ptr);
}

void JsonBuffer::AppendUnsigned(uint64_t value) {
  char* const at = Room(kMaxIntegerText);
  Finish(std::to_chars(at, at + kMaxIntegerText, value).ptr);
}

void JsonBuffer::AppendFloat(float value) { Finish(WriteFloat(value, Room(kMaxFloatText))); }

void JsonBuffer::AppendDouble(double value) { Finish(WriteDouble(value, Room(kMaxDoubleText))); }

void JsonBuffer::AppendFloats(std::string_view bytes) {
  const size_t count = bytes.size() / sizeof(float);
  char* at = Room(2 + count * (kMaxFloatText + 1));
  *at++ = '[';
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) {
      *at++ = ',';
    }
    float value = 0;
    std::memcpy(&value, bytes.data() + i * sizeof(float), sizeof(float));
    at = WriteFloat(value, at);
  }
  *at++ = ']';
  Finish(at);
}

bool JsonBuffer::AppendString(std::string_view text) {
  bool whole = true;
  size_t copied = 0;  // what comes before it is in the buffer
  const auto replace = [&](size_t at, std::string_view with) {
    Append(text.substr(copied, at - copied));
    Append(with);
    copied = at + 1;
  };
  Put('"');
  for (size_t i = 0; i < text.size();) {
    if (text.size() - i >= sizeof(uint64_t) && IsPlain(text.data() + i)) {
      i += sizeof(uint64_t);
      continue;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    size_t size = 1;
    if (c >= 0x80) {
      size = CharacterSize(text.substr(i));
      if (size == 0) {
        whole = false;
        replace(i, kReplacement);
        size = 1;
      }
    } else if (c < ' ' || c == '"' || c == '\\') {
      std::array<char, 6> unicode;
      replace(i, Escape(text[i], &unicode));
    }
    i += size;
  }
  Append(text.substr(copied));
  Put('"');
  return whole;
}

void JsonBuffer::AppendBase64(std::string_view bytes) {
  char* at = Room(Base64Size(bytes.size()) + 2);
  *at++ = '"';
  at = WriteBase64(bytes, at);
  *at++ = '"';
  Finish(at);
}

}  // namespace cdc
