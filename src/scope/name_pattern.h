#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace cdc {

// The name of a database or collection, or a pattern of names: `*` stands for any run of
// characters, also for none, `?` for exactly one (of UTF-8). All else stands for itself, letter
// case counts.
//
// Two patterns that differ only in how they write one run of wildcards are equal: "a**" is "a*",
// "*?" is "?*".
class NamePattern {
 public:
  NamePattern() = default;
  explicit NamePattern(std::string_view text);

  const std::string& text() const { return text_; }
  bool IsLiteral() const;
  // Matches every name there is.
  bool IsAny() const { return text_ == "*"; }

  bool Matches(std::string_view name) const;

  // Whether every name that matches `other` matches this one. A yes is always right, a no unless
  // it depends on the name which part of this pattern has to match which part of the other.
  bool Covers(const NamePattern& other) const;

  // Whether there may be a name that matches both. Exact.
  bool Intersects(const NamePattern& other) const;

  auto operator<=>(const NamePattern&) const = default;

 private:
  std::string text_;
};

}  // namespace cdc
