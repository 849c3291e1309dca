#include "scope/name_pattern.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cdc {
namespace {

constexpr char kRun = '*';
constexpr char kOne = '?';

bool IsWildcard(char c) { return c == kRun || c == kOne; }

// Where the character after the one at `at` begins (UTF-8 continuation bytes are skipped).
size_t Next(std::string_view text, size_t at) {
  do {
    ++at;
  } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U);
  return at;
}

// A literal character, or a run of wildcards: exactly `least` characters, or at least so many if it
// is `open`.
struct Part {
  std::string_view literal;  // empty: a run of wildcards
  size_t least = 0;
  bool open = false;
};

std::vector<Part> PartsOf(std::string_view text) {
  std::vector<Part> parts;
  for (size_t at = 0; at < text.size();) {
    if (!IsWildcard(text[at])) {
      const size_t next = Next(text, at);
      parts.push_back({.literal = text.substr(at, next - at)});
      at = next;
      continue;
    }
    Part run;
    for (; at < text.size() && IsWildcard(text[at]); ++at) {
      run.least += text[at] == kOne ? 1U : 0U;
      run.open = run.open || text[at] == kRun;
    }
    parts.push_back(run);
  }
  return parts;
}

// Wildcards one by one, for comparisons character by character.
struct Character {
  std::string_view literal;  // empty: a wildcard
  bool run = false;          // `*`, not `?`
};

std::vector<Character> CharactersOf(std::string_view text) {
  std::vector<Character> characters;
  for (size_t at = 0; at < text.size();) {
    const size_t next = IsWildcard(text[at]) ? at + 1 : Next(text, at);
    characters.push_back(IsWildcard(text[at]) ? Character{.literal = {}, .run = text[at] == kRun}
                                              : Character{.literal = text.substr(at, next - at)});
    at = next;
  }
  return characters;
}

}  // namespace

NamePattern::NamePattern(std::string_view text) {
  // Normalize each run of wildcards: first the `?`, then one `*`, so that equal patterns have equal
  // texts.
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && IsWildcard(text[end])) {
      ++end;
    }
    const std::string_view run = text.substr(at, end - at);
    text_.append(static_cast<size_t>(std::count(run.begin(), run.end(), kOne)), kOne);
    text_.append(run.find(kRun) == std::string_view::npos ? 0 : 1, kRun);
    at = end;
    if (at < text.size()) {
      text_.push_back(text[at++]);
    }
  }
}

bool NamePattern::IsLiteral() const { return std::none_of(text_.begin(), text_.end(), IsWildcard); }

// The usual greedy match: on a mismatch the last `*` takes one more character. Earlier `*` need not
// be revisited, so this is quadratic at worst, not exponential.
bool NamePattern::Matches(std::string_view name) const {
  const std::string_view pattern = text_;
  size_t at = 0;
  size_t in = 0;
  size_t after_run = std::string_view::npos;
  size_t taken = 0;
  while (in < name.size()) {
    if (at < pattern.size() && pattern[at] == kRun) {
      after_run = ++at;
      taken = in;
    } else if (at < pattern.size() && pattern[at] == kOne) {
      ++at;
      in = Next(name, in);
    } else if (at < pattern.size() && pattern[at] == name[in]) {
      ++at;
      ++in;
    } else if (after_run != std::string_view::npos) {
      at = after_run;
      taken = Next(name, taken);
      in = taken;
    } else {
      return false;
    }
  }
  return at == pattern.size() || (pattern[at] == kRun && at + 1 == pattern.size());
}

// Lays this pattern over the other one: a literal over the same literal, an open run over at least
// as many characters, a run of fixed length over exactly as many. covers[j]: this pattern from the
// current part on covers the other's characters from j on.
bool NamePattern::Covers(const NamePattern& other) const {
  if (other.IsLiteral()) {
    return Matches(other.text_);
  }
  const std::vector<Part> parts = PartsOf(text_);
  const std::vector<Character> covered = CharactersOf(other.text_);
  const size_t n = covered.size();
  std::vector<bool> covers(n + 1, false);
  covers[n] = true;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    std::vector<bool> next(n + 1, false);
    std::vector<bool> from_here = covers;  // covers[j] or any later one
    for (size_t j = n; j-- > 0;) {
      from_here[j] = covers[j] || from_here[j + 1];
    }
    for (size_t j = 0; j <= n; ++j) {
      if (!part->literal.empty()) {
        next[j] = j < n && covered[j].literal == part->literal && covers[j + 1];
        continue;
      }
      size_t end = j;
      size_t length = 0;
      while (end < n && length < part->least && (part->open || !covered[end].run)) {
        length += covered[end].run ? 0U : 1U;
        ++end;
      }
      next[j] = length == part->least && (part->open ? from_here[end] : covers[end]);
    }
    covers = std::move(next);
  }
  return covers[0];
}

// meets[j]: this pattern from the current character on and the other's from j on share a name.
bool NamePattern::Intersects(const NamePattern& other) const {
  if (IsLiteral() || other.IsLiteral()) {
    return IsLiteral() ? other.Matches(text_) : Matches(other.text_);
  }
  const std::vector<Character> a = CharactersOf(text_);
  const std::vector<Character> b = CharactersOf(other.text_);
  const size_t n = b.size();
  std::vector<bool> meets(n + 1, false);
  meets[n] = true;
  for (size_t j = n; j-- > 0 && b[j].run;) {
    meets[j] = true;
  }
  for (auto character = a.rbegin(); character != a.rend(); ++character) {
    std::vector<bool> next(n + 1, false);
    next[n] = character->run && meets[n];
    for (size_t j = n; j-- > 0;) {
      if (character->run || b[j].run) {
        // A `*` takes the other's character, or ends.
        next[j] = meets[j] || next[j + 1];
      } else if (character->literal.empty() || b[j].literal.empty() ||
                 character->literal == b[j].literal) {
        next[j] = meets[j + 1];
      }
    }
    meets = std::move(next);
  }
  return meets[0];
}

}  // namespace cdc
