#include "source/catalog/catalog_builder_key.h"

#include <array>
#include <charconv>
#include <string>

namespace cdc {
namespace {

enum class Shape { kId, kOwnerAndId, kName, kOwnerAndName };

struct Rule {
  std::string_view prefix;
  CatalogKeyKind kind;
  Shape shape;
};

constexpr std::array<Rule, 14> kRules = {{
    {"root-coord/database/db-info/", CatalogKeyKind::kDatabase, Shape::kId},
    {"root-coord/database/collection-info/", CatalogKeyKind::kCollection, Shape::kOwnerAndId},
    {"root-coord/collection/", CatalogKeyKind::kOldCollection, Shape::kId},
    {"root-coord/partitions/", CatalogKeyKind::kPartition, Shape::kOwnerAndId},
    {"root-coord/fields/", CatalogKeyKind::kField, Shape::kOwnerAndId},
    {"root-coord/struct-array-fields/", CatalogKeyKind::kStructField, Shape::kOwnerAndId},
    {"root-coord/functions/", CatalogKeyKind::kFunction, Shape::kOwnerAndId},
    {"root-coord/database/aliases/", CatalogKeyKind::kAlias, Shape::kOwnerAndName},
    {"root-coord/aliases/", CatalogKeyKind::kAlias, Shape::kName},
    {"root-coord/collection-alias/", CatalogKeyKind::kOldestAlias, Shape::kName},
    {"field-index/", CatalogKeyKind::kIndex, Shape::kOwnerAndId},
    {"querycoord-collection-loadinfo/", CatalogKeyKind::kCollectionLoad, Shape::kId},
    {"querycoord-partition-loadinfo/", CatalogKeyKind::kPartitionLoad, Shape::kOwnerAndId},
    {"root-coord/credential/", CatalogKeyKind::kAccess, Shape::kName},
}};

// Accepts only the form in which Milvus writes a number, so two keys never mean the same object.
bool ParseNumber(std::string_view text, int64_t* out) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, *out);
  return error == std::errc() && rest == end && std::to_string(*out) == text;
}

bool ParseRest(std::string_view rest, Shape shape, CatalogKey* key) {
  if (shape == Shape::kOwnerAndId || shape == Shape::kOwnerAndName) {
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos || !ParseNumber(rest.substr(0, slash), &key->owner)) {
      return false;
    }
    rest.remove_prefix(slash + 1);
  }
  if (shape == Shape::kName || shape == Shape::kOwnerAndName) {
    key->name = rest;
    return !rest.empty();
  }
  return ParseNumber(rest, &key->id);
}

}  // namespace

Result<CatalogKey> ParseCatalogKey(std::string_view key) {
  for (const Rule& rule : kRules) {
    if (key.starts_with(rule.prefix)) {
      CatalogKey parsed;
      parsed.kind = rule.kind;
      if (!ParseRest(key.substr(rule.prefix.size()), rule.shape, &parsed)) {
        return DataLossError("malformed key");
      }
      return parsed;
    }
  }
  return CatalogKey{};
}

std::vector<KeyRange> CatalogListRanges(const std::string& meta_root) {
  std::vector<KeyRange> ranges;
  for (const Rule& rule : kRules) {
    ranges.push_back(PrefixRange(meta_root + std::string(rule.prefix)));
  }
  return ranges;
}

KeyRange CatalogWatchRange(const std::string& meta_root) {
  return {.begin = meta_root + "field-index/", .end = PrefixRange(meta_root + "root-coord/").end};
}

}  // namespace cdc
