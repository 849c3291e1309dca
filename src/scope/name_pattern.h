#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace cdc {

// The name of a database or collection, or a pattern: `*` stands for any number of characters,
// including none, `?` for exactly one (UTF-8) character. Everything else stands for itself; case
// matters.
//
// Patterns that differ only in how they write a run of wildcards are equal: "a**" is "a*", "*?" is
// "?*".
class NamePattern {
 public:
  NamePattern() = default;
  explicit NamePattern(std::string_view text);

  const std::string& text() const { return text_; }
  bool IsLiteral() const;
  // Matches every name.
  bool IsAny() const { return text_ == "*"; }

  bool Matches(std::string_view name) const;

  // Whether every name that matches `other` matches this one. True is always right. False may be
  // wrong only if the name decides which part of this pattern has to match which part of the other.
  bool Covers(const NamePattern& other) const;

  // Whether some name matches both. Exact.
  bool Intersects(const NamePattern& other) const;

  auto operator<=>(const NamePattern&) const = default;

 private:
  std::string text_;
};

}  // namespace cdc
