#include "api/rest/media_type.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace cdc {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) {
    return "";
  }
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Takes what stands before the separator off `rest`.
std::string_view TakePart(std::string_view* rest, char separator) {
  const std::string_view part = rest->substr(0, rest->find(separator));
  rest->remove_prefix(std::min(part.size() + 1, rest->size()));
  return Trim(part);
}

std::string Lowercase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

// "q=0", "q=0.000"
bool IsRefusal(std::string_view parameter) {
  const std::string lower = Lowercase(parameter);
  return lower.starts_with("q=0") && lower.find_first_not_of("0.", 2) == std::string::npos;
}

}  // namespace

bool IsJson(std::string_view content_type) {
  const std::string type = Lowercase(TakePart(&content_type, ';'));
  return type == "application/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

bool AcceptsJson(std::string_view accept) {
  if (Trim(accept).empty()) {
    return true;
  }
  // The most specific range decides: "application/json;q=0, */*" refuses it.
  int best = 0;
  bool accepted = false;
  while (!accept.empty()) {
    std::string_view range = TakePart(&accept, ',');
    const std::string type = Lowercase(TakePart(&range, ';'));
    const int precision = type == "application/json" ? 3
                          : type == "application/*"  ? 2
                          : type == "*/*"            ? 1
                                                     : 0;
    bool refused = false;
    while (!range.empty()) {
      refused = IsRefusal(TakePart(&range, ';')) || refused;
    }
    if (precision > best) {
      best = precision;
      accepted = !refused;
    }
  }
  return accepted;
}

}  // namespace cdc
