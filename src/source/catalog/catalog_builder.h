#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "etcd/etcd_client.h"
#include "model/catalog.h"
#include "source/catalog/access_builder.h"
#include "source/catalog/catalog_builder_key.h"
#include "source/catalog/catalog_builder_record.h"

namespace cdc {

// Builds Catalog snapshots from the keys that Milvus keeps in etcd: Put and Delete change the
// state, Build returns it. No I/O, no threads. Not thread-safe.
//
// The catalog depends only on the keys, not on the order in which they came, with one exception:
// while a collection is Dropping, Milvus removes its fields and partitions one by one. They are
// kept until the collection itself is gone, so that its last rows can still be interpreted.
//
// Keys outside CatalogListRanges are ignored. Deleting an absent key is fine: Milvus first
// overwrites a key with a tombstone (treated as a Delete) and may remove it much later.
class CatalogBuilder {
 public:
  // `meta_root` ends with a slash: "by-dev/meta/".
  explicit CatalogBuilder(std::string meta_root);

  // kDataLoss: the value is malformed. Its object stays as it was; everything else still works.
  Status Put(const EtcdKeyValue& kv);
  void Delete(const std::string& key);

  // Replaces the state by a complete list: puts what is in it, deletes what is not. Does not
  // compare revisions, since the list may come from another store. Appends one error per malformed
  // value.
  void Relist(const std::vector<EtcdKeyValue>& kvs, std::vector<Status>* errors);

  struct Built {
    std::shared_ptr<const Catalog> catalog;
    bool changed = false;  // anything but the revision, since the previous Build
  };
  // Databases and collections that have not changed keep their pointer.
  Built Build(int64_t revision);

  // The number of etcd keys within CatalogListRanges, including tombstones and unknown keys.
  size_t keys() const { return keys_.size(); }

 private:
  template <class T>
  struct Kept {
    T value;
    bool deleted = false;  // kept only until the collection is gone
  };
  struct StoredCollection {
    CollectionRecord record;
    bool old_style = false;
    int64_t revision = 0;
  };
  // Everything known of one collection, also before and after its own record exists.
  struct Parts {
    // By key: there are two while Milvus moves a collection to another database or to the new
    // style.
    std::map<std::string, StoredCollection> records;
    std::map<FieldId, Kept<FieldRecord>> fields;
    std::map<PartitionId, Kept<Partition>> partitions;
    std::map<int64_t, Kept<std::string>> functions;
    std::map<IndexId, IndexRecord> indexes;
    std::map<std::string, AliasRecord> aliases;  // by key
    std::optional<LoadRecord> load;
    std::set<PartitionId> loaded_partitions;

    const CollectionRecord* Record() const;
    bool Dropping() const;
    bool Empty() const;
    void Purge();
  };

  bool Wanted(std::string_view key) const;
  Status PutObject(const CatalogKey& key, const EtcdKeyValue& kv);
  Status PutPart(const CatalogKey& key, const EtcdKeyValue& kv);
  Status PutAlias(const CatalogKey& key, const EtcdKeyValue& kv);
  Status PutCollection(const CatalogKey& key, const EtcdKeyValue& kv);
  void DeleteObject(const CatalogKey& key, const std::string& full_key);
  void DeleteAlias(const std::string& full_key);
  static void DeletePart(const CatalogKey& key, Parts* parts);
  Parts& Touch(CollectionId id);
  bool BuildCollections(Catalog* catalog);
  bool BuildDatabases(Catalog* catalog);
  static std::optional<Collection> Assemble(const Parts& parts);
  static void AssembleSchema(const CollectionRecord& record, const Parts& parts, Schema* schema);
  static void AssemblePartitions(const CollectionRecord& record,
                                 const Parts& parts,
                                 Collection* out);

  const std::string meta_root_;
  const std::vector<KeyRange> ranges_;
  std::unordered_set<std::string> keys_;
  std::map<std::string, DatabaseRecord> databases_;        // by key
  std::unordered_map<std::string, CollectionId> aliases_;  // key -> its collection
  std::map<CollectionId, Parts> collections_;
  AccessBuilder access_;
  std::set<CollectionId> touched_;
  bool databases_touched_ = false;
  std::shared_ptr<const Catalog> catalog_;
};

}  // namespace cdc
