#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

// What the fuzz targets share.
namespace cdc::fuzz {

// Ends the process: the decoder under test broke a promise of its header.
#define FUZZ_EXPECT(condition, detail)                                             \
  do {                                                                             \
    if (!(condition)) {                                                            \
      ::cdc::fuzz::Fail(__FILE__, __LINE__, #condition, std::string_view(detail)); \
    }                                                                              \
  } while (false)

[[noreturn]] inline void Fail(const char* file,
                              int line,
                              const char* condition,
                              std::string_view detail) {
  std::fprintf(stderr, "%s:%d: expected %s: %.*s\n", file, line, condition,
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

// Stands between the parts of an input that is a list of things.
inline constexpr std::string_view kSeparator = "\n--\n";

inline std::vector<std::string_view> Split(std::string_view input) {
  std::vector<std::string_view> parts;
  for (size_t end = 0; (end = input.find(kSeparator)) != std::string_view::npos;) {
    parts.push_back(input.substr(0, end));
    input.remove_prefix(end + kSeparator.size());
  }
  parts.push_back(input);
  return parts;
}

// Error texts end in logs and answers: a hostile input must not make them long.
inline constexpr size_t kMaxErrorBytes = 1024;

// Reads every byte, so that a view to outside of its buffer is seen by the address sanitizer.
inline volatile unsigned touched = 0;
inline void Touch(std::string_view bytes) {
  unsigned sum = 0;
  for (const char c : bytes) {
    sum += static_cast<unsigned char>(c);
  }
  touched = sum;
}

}  // namespace cdc::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
