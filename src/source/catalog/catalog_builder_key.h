#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "etcd/etcd_client.h"

// The layout of Milvus' metadata below the meta root ("by-dev/meta/").
namespace cdc {

enum class CatalogKeyKind {
  kIgnored,         // not part of the catalog
  kDatabase,        // id
  kCollection,      // owner: database, id
  kOldCollection,   // id; from before databases, with inline fields and partitions
  kPartition,       // owner: collection, id
  kField,           // owner: collection, id
  kStructField,     // owner: collection, id
  kFunction,        // owner: collection, id
  kAlias,           // name; the value is an AliasInfo
  kOldestAlias,     // name; the value is a CollectionInfo
  kIndex,           // owner: collection, id
  kCollectionLoad,  // id
  kPartitionLoad,   // owner: collection, id
  kAccess,          // name: the rest of the key, see AccessBuilder
};

struct CatalogKey {
  CatalogKeyKind kind = CatalogKeyKind::kIgnored;
  int64_t owner = 0;
  int64_t id = 0;
  std::string_view name;  // a view of the key
};

// Parses a key without its meta root. kDataLoss: of a known kind, but malformed.
Result<CatalogKey> ParseCatalogKey(std::string_view key);

// The ranges that hold everything in the catalog, for listing.
std::vector<KeyRange> CatalogListRanges(const std::string& meta_root);

// One range around them, for watching: a single watcher gets the changes of all kinds in order, and
// transactions as a whole. It contains little else: between "field-index/" and "root-coord/" there
// are only the small records of the query coordinator; the busy parts (datacoord-meta/,
// segment-index/, snapshots/, session/) are outside.
KeyRange CatalogWatchRange(const std::string& meta_root);

}  // namespace cdc
