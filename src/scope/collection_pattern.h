#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/rows.h"
#include "scope/name_pattern.h"

namespace cdc {

// A collection and its database, both of which may be patterns.
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

// Of "db.collection"; without a dot a collection of the default database is meant.
CollectionPattern ParseCollectionPattern(std::string_view text);

// What both patterns mean, if there may be any such collection: in each part the narrower one, and
// that of `b` if neither covers the other. So it covers all that both match, and nothing beyond
// `b`.
std::optional<CollectionPattern> Shared(const CollectionPattern& a, const CollectionPattern& b);

}  // namespace cdc
