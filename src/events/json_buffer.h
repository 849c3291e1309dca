#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace cdc {

// Bytes that JSON is appended to. Clear keeps the memory, so that whoever writes one row after the
// other into the same buffer allocates nothing once it is as large as the largest row.
class JsonBuffer {
 public:
  // Valid until the next change.
  std::string_view text() const { return {bytes_.get(), size_}; }
  size_t size() const { return size_; }

  void Clear() { size_ = 0; }
  // Takes back everything behind the first `size` bytes.
  void Truncate(size_t size) { size_ = size; }

  // Appends text as it is.
  void Append(std::string_view json);
  void AppendInt(int64_t value);
  void AppendUnsigned(uint64_t value);

  // Append the shortest number that reads back as this very value. JSON has no numbers for some:
  // "NaN", "Infinity" and "-Infinity" are strings.
  void AppendFloat(float value);
  void AppendDouble(double value);
  // An array of `bytes.size() / 4` floats, which are little-endian.
  void AppendFloats(std::string_view bytes);

  // Appends a string, escaped where JSON demands it. Bytes that are not UTF-8 become U+FFFD, one
  // for each of them; false: there were any.
  bool AppendString(std::string_view text);

  // Appends bytes as a string in base64.
  void AppendBase64(std::string_view bytes);

 private:
  // The end of the bytes, where there is room for `size` more. Use Finish to keep what was written.
  char* Room(size_t size);
  void Finish(const char* end) { size_ = static_cast<size_t>(end - bytes_.get()); }
  void Put(char c);

  std::unique_ptr<char[]> bytes_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace cdc
