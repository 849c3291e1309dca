#include "scope/collection_pattern.h"

namespace cdc {
namespace {

const NamePattern& Narrower(const NamePattern& a, const NamePattern& b) {
  return b.Covers(a) ? a : b;
}

}  // namespace

bool CollectionPattern::Matches(const CollectionName& name) const {
  return database.Matches(name.database) && collection.Matches(name.collection);
}

bool CollectionPattern::Covers(const CollectionPattern& other) const {
  return database.Covers(other.database) && collection.Covers(other.collection);
}

bool CollectionPattern::Intersects(const CollectionPattern& other) const {
  return database.Intersects(other.database) && collection.Intersects(other.collection);
}

CollectionPattern ParseCollectionPattern(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) {
    return {NamePattern(kDefaultDatabase), NamePattern(text)};
  }
  return {NamePattern(text.substr(0, dot)), NamePattern(text.substr(dot + 1))};
}

std::optional<CollectionPattern> Shared(const CollectionPattern& a, const CollectionPattern& b) {
  if (!a.Intersects(b)) {
    return std::nullopt;
  }
  return CollectionPattern{Narrower(a.database, b.database), Narrower(a.collection, b.collection)};
}

}  // namespace cdc
