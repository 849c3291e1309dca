#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/rows.h"
#include "scope/name_pattern.h"

namespace cdc {

// A database and a collection in it, both of which may be patterns.
struct CollectionPattern {
  NamePattern database;
  NamePattern collection;

  bool IsLiteral() const { return database.IsLiteral() && collection.IsLiteral(); }
  bool Matches(const CollectionName& name) const;
  bool Covers(const CollectionPattern& other) const;
  bool Intersects(const CollectionPattern& other) const;

  // "db.collection"
  std::string ToString() const { return database.text() + "." + collection.text(); }
  auto operator<=>(const CollectionPattern&) const = default;
};

// Parses "db.collection"; without a dot it is a collection of the default database.
CollectionPattern ParseCollectionPattern(std::string_view text);

// The names both patterns may share, if any: for each part the narrower pattern, or that of `b` if
// neither covers the other. So the result covers all names both match, and none outside `b`.
std::optional<CollectionPattern> Shared(const CollectionPattern& a, const CollectionPattern& b);

}  // namespace cdc
