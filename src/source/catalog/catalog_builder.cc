#include "source/catalog/catalog_builder.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

namespace cdc {
namespace {

// Milvus overwrites a key with this value instead of deleting it.
constexpr std::string_view kTombstone = "\xE2\x9B\xBC";

// Smaller ids are the system fields RowID and Timestamp.
constexpr FieldId kFirstUserField{100};

bool Exists(ObjectState state) {
  return state == ObjectState::kCreated || state == ObjectState::kDropping;
}

// The collection to which the key of a part belongs.
CollectionId OwnerOf(const CatalogKey& key) {
  return CollectionId{key.kind == CatalogKeyKind::kCollectionLoad ? key.id : key.owner};
}

template <class Parts, class Id>
void Remove(Parts* parts, Id id, bool keep) {
  const auto found = parts->find(id);
  if (found == parts->end()) {
    return;
  }
  if (keep) {
    found->second.deleted = true;
  } else {
    parts->erase(found);
  }
}

}  // namespace

CatalogBuilder::CatalogBuilder(std::string meta_root)
    : meta_root_(std::move(meta_root)),
      ranges_(CatalogListRanges(meta_root_)),
      catalog_(std::make_shared<Catalog>()) {}

bool CatalogBuilder::Wanted(std::string_view key) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [key](const KeyRange& range) {
    return key >= range.begin && key < range.end;
  });
}

Status CatalogBuilder::Put(const EtcdKeyValue& kv) {
  if (!Wanted(kv.key)) {
    return OkStatus();
  }
  keys_.insert(kv.key);
  const auto key = ParseCatalogKey(std::string_view(kv.key).substr(meta_root_.size()));
  Status status = key.status();
  if (key.ok()) {
    if (kv.value == kTombstone) {
      DeleteObject(*key, kv.key);
    } else {
      status = PutObject(*key, kv);
    }
  }
  return status.WithContext("etcd key " + kv.key);
}

void CatalogBuilder::Delete(const std::string& key) {
  if (!Wanted(key)) {
    return;
  }
  keys_.erase(key);
  const auto parsed = ParseCatalogKey(std::string_view(key).substr(meta_root_.size()));
  if (parsed.ok()) {
    DeleteObject(*parsed, key);
  }
  // A malformed key created nothing that could be deleted.
}

void CatalogBuilder::Relist(const std::vector<EtcdKeyValue>& kvs, std::vector<Status>* errors) {
  std::unordered_set<std::string_view> listed;
  listed.reserve(kvs.size());
  for (const EtcdKeyValue& kv : kvs) {
    listed.insert(kv.key);
    Status status = Put(kv);
    if (!status.ok()) {
      errors->push_back(std::move(status));
    }
  }
  std::vector<std::string> gone;
  for (const std::string& key : keys_) {
    if (!listed.contains(key)) {
      gone.push_back(key);
    }
  }
  // After the puts: a collection that has become Dropping must keep the parts that are already
  // gone.
  for (const std::string& key : gone) {
    Delete(key);
  }
}

CatalogBuilder::Parts& CatalogBuilder::Touch(CollectionId id) {
  touched_.insert(id);
  return collections_[id];
}

Status CatalogBuilder::PutObject(const CatalogKey& key, const EtcdKeyValue& kv) {
  switch (key.kind) {
    case CatalogKeyKind::kIgnored: return OkStatus();
    case CatalogKeyKind::kAccess: access_.Put(key.name, kv.value); return OkStatus();
    case CatalogKeyKind::kDatabase: {
      CDC_ASSIGN_OR_RETURN(databases_[kv.key], DecodeDatabase(DatabaseId{key.id}, kv.value));
      databases_touched_ = true;
      return OkStatus();
    }
    case CatalogKeyKind::kCollection:
    case CatalogKeyKind::kOldCollection: return PutCollection(key, kv);
    case CatalogKeyKind::kAlias:
    case CatalogKeyKind::kOldestAlias: return PutAlias(key, kv);
    default: return PutPart(key, kv);
  }
}

Status CatalogBuilder::PutCollection(const CatalogKey& key, const EtcdKeyValue& kv) {
  const CollectionId id{key.id};
  CDC_ASSIGN_OR_RETURN(CollectionRecord record,
                       DecodeCollection(id, DatabaseId{key.owner}, kv.value));
  Touch(id).records[kv.key] = {.record = std::move(record),
                               .old_style = key.kind == CatalogKeyKind::kOldCollection,
                               .revision = kv.mod_revision};
  return OkStatus();
}

Status CatalogBuilder::PutAlias(const CatalogKey& key, const EtcdKeyValue& kv) {
  CDC_ASSIGN_OR_RETURN(AliasRecord record, key.kind == CatalogKeyKind::kAlias
                                               ? DecodeAlias(key.name, kv.value)
                                               : DecodeOldestAlias(key.name, kv.value));
  DeleteAlias(kv.key);  // it may have pointed to another collection
  aliases_[kv.key] = record.collection;
  Touch(record.collection).aliases[kv.key] = std::move(record);
  return OkStatus();
}

Status CatalogBuilder::PutPart(const CatalogKey& key, const EtcdKeyValue& kv) {
  const CollectionId owner = OwnerOf(key);
  switch (key.kind) {
    case CatalogKeyKind::kPartition: {
      CDC_ASSIGN_OR_RETURN(Partition partition, DecodePartition(PartitionId{key.id}, kv.value));
      Touch(owner).partitions[partition.id] = {.value = partition};
      return OkStatus();
    }
    case CatalogKeyKind::kField: {
      CDC_ASSIGN_OR_RETURN(FieldRecord field, DecodeField(FieldId{key.id}, kv.value));
      Touch(owner).fields[field.field.id] = {.value = field};
      return OkStatus();
    }
    case CatalogKeyKind::kStructField: {
      CDC_ASSIGN_OR_RETURN(FieldRecord field, DecodeStructField(FieldId{key.id}, kv.value));
      Touch(owner).fields[field.field.id] = {.value = field};
      return OkStatus();
    }
    case CatalogKeyKind::kFunction: {
      CDC_ASSIGN_OR_RETURN(std::string function, DecodeFunction(kv.value));
      Touch(owner).functions[key.id] = {.value = function};
      return OkStatus();
    }
    case CatalogKeyKind::kIndex: {
      CDC_ASSIGN_OR_RETURN(IndexRecord index, DecodeIndex(IndexId{key.id}, kv.value));
      Touch(owner).indexes[index.index.id] = index;
      return OkStatus();
    }
    case CatalogKeyKind::kCollectionLoad: {
      CDC_ASSIGN_OR_RETURN(LoadRecord load, DecodeCollectionLoad(kv.value));
      Touch(owner).load = load;
      return OkStatus();
    }
    case CatalogKeyKind::kPartitionLoad:
      CDC_RETURN_IF_ERROR(DecodePartitionLoad(PartitionId{key.id}, kv.value));
      Touch(owner).loaded_partitions.insert(PartitionId{key.id});
      return OkStatus();
    default: return OkStatus();
  }
}

void CatalogBuilder::DeleteObject(const CatalogKey& key, const std::string& full_key) {
  switch (key.kind) {
    case CatalogKeyKind::kIgnored: return;
    case CatalogKeyKind::kAccess: access_.Delete(key.name); return;
    case CatalogKeyKind::kDatabase:
      databases_touched_ = databases_.erase(full_key) > 0 || databases_touched_;
      return;
    case CatalogKeyKind::kCollection:
    case CatalogKeyKind::kOldCollection:
      Touch(CollectionId{key.id}).records.erase(full_key);
      return;
    case CatalogKeyKind::kAlias:
    case CatalogKeyKind::kOldestAlias: DeleteAlias(full_key); return;
    default: DeletePart(key, &Touch(OwnerOf(key)));
  }
}

void CatalogBuilder::DeleteAlias(const std::string& full_key) {
  const auto found = aliases_.find(full_key);
  if (found != aliases_.end()) {
    Touch(found->second).aliases.erase(full_key);
    aliases_.erase(found);
  }
}

void CatalogBuilder::DeletePart(const CatalogKey& key, Parts* parts) {
  const bool keep = parts->Dropping();
  switch (key.kind) {
    case CatalogKeyKind::kPartition: Remove(&parts->partitions, PartitionId{key.id}, keep); return;
    case CatalogKeyKind::kField:
    case CatalogKeyKind::kStructField: Remove(&parts->fields, FieldId{key.id}, keep); return;
    case CatalogKeyKind::kFunction: Remove(&parts->functions, key.id, keep); return;
    case CatalogKeyKind::kIndex: parts->indexes.erase(IndexId{key.id}); return;
    case CatalogKeyKind::kCollectionLoad: parts->load.reset(); return;
    case CatalogKeyKind::kPartitionLoad:
      parts->loaded_partitions.erase(PartitionId{key.id});
      return;
    default: return;
  }
}

const CollectionRecord* CatalogBuilder::Parts::Record() const {
  const StoredCollection* best = nullptr;
  // The new style wins over the old, and the latest write over earlier ones.
  const auto rank = [](const StoredCollection& each) {
    return std::make_tuple(!each.old_style, each.revision);
  };
  for (const auto& [key, each] : records) {
    if (best == nullptr || rank(each) > rank(*best)) {
      best = &each;
    }
  }
  return best == nullptr ? nullptr : &best->record;
}

bool CatalogBuilder::Parts::Dropping() const {
  const CollectionRecord* record = Record();
  return record != nullptr && record->collection.state == ObjectState::kDropping;
}

bool CatalogBuilder::Parts::Empty() const {
  return records.empty() && fields.empty() && partitions.empty() && functions.empty() &&
         indexes.empty() && aliases.empty() && !load.has_value() && loaded_partitions.empty();
}

void CatalogBuilder::Parts::Purge() {
  const auto deleted = [](const auto& each) { return each.second.deleted; };
  std::erase_if(fields, deleted);
  std::erase_if(partitions, deleted);
  std::erase_if(functions, deleted);
}

CatalogBuilder::Built CatalogBuilder::Build(int64_t revision) {
  auto next = std::make_shared<Catalog>(*catalog_);
  next->revision = revision;
  const bool collections_changed = BuildCollections(next.get());
  const bool databases_changed = BuildDatabases(next.get());
  next->access = access_.Build(catalog_->access);
  const bool access_changed = next->access != catalog_->access;
  if (collections_changed) {
    next->IndexNames();
  }
  catalog_ = std::move(next);
  return {.catalog = catalog_,
          .changed = collections_changed || databases_changed || access_changed};
}

bool CatalogBuilder::BuildCollections(Catalog* catalog) {
  bool changed = false;
  for (const CollectionId id : touched_) {
    const auto found = collections_.find(id);
    // Parts kept for the last rows of a Dropping collection are not needed otherwise.
    if (!found->second.Dropping()) {
      found->second.Purge();
    }
    std::optional<Collection> collection = Assemble(found->second);
    if (found->second.Empty()) {
      collections_.erase(found);
    }
    if (!collection.has_value()) {
      changed = catalog->collections.erase(id) > 0 || changed;
      continue;
    }
    auto& shown = catalog->collections[id];
    if (shown == nullptr || *shown != *collection) {
      shown = std::make_shared<const Collection>(*std::move(collection));
      changed = true;
    }
  }
  touched_.clear();
  return changed;
}

bool CatalogBuilder::BuildDatabases(Catalog* catalog) {
  if (!std::exchange(databases_touched_, false)) {
    return false;
  }
  auto before = std::exchange(catalog->databases, {});
  for (const auto& [key, record] : databases_) {
    if (record.visible) {
      auto& shown = catalog->databases[record.database.id];
      const auto old = before.find(record.database.id);
      const bool same = old != before.end() && *old->second == record.database;
      shown = same ? old->second : std::make_shared<const Database>(record.database);
    }
  }
  return before != catalog->databases;
}

std::optional<Collection> CatalogBuilder::Assemble(const Parts& parts) {
  const CollectionRecord* record = parts.Record();
  if (record == nullptr || !Exists(record->collection.state)) {
    return std::nullopt;
  }
  Collection out = record->collection;
  AssembleSchema(*record, parts, &out.schema);
  if (out.schema.fields.empty()) {
    return std::nullopt;  // the fields are still to come
  }
  AssemblePartitions(*record, parts, &out);
  for (const auto& [id, index] : parts.indexes) {
    if (index.visible) {
      out.indexes.push_back(index.index);
    }
  }
  std::set<std::string> aliases;
  for (const auto& [key, alias] : parts.aliases) {
    if (alias.visible) {
      aliases.insert(alias.alias);
    }
  }
  out.aliases.assign(aliases.begin(), aliases.end());
  // A load by partitions whose last partition was released is no load.
  if (parts.load.has_value() &&
      (parts.load->whole_collection || !parts.loaded_partitions.empty())) {
    out.load = {.loaded = true,
                .whole_collection = parts.load->whole_collection,
                .replicas = parts.load->replicas,
                .partitions = {parts.loaded_partitions.begin(), parts.loaded_partitions.end()}};
  }
  return out;
}

void CatalogBuilder::AssembleSchema(const CollectionRecord& record,
                                    const Parts& parts,
                                    Schema* schema) {
  std::map<FieldId, const FieldRecord*> fields;
  for (const FieldRecord& field : record.fields) {
    fields[field.field.id] = &field;
  }
  for (const auto& [id, field] : parts.fields) {
    // A field's own key replaces the inline copy of an old record.
    fields[id] = &field.value;
  }
  for (const auto& [id, field] : fields) {
    if (!field->visible || id < kFirstUserField) {
      continue;
    }
    if (field->field.is_dynamic) {
      schema->enable_dynamic_field = true;
      continue;
    }
    schema->fields.push_back(field->field);
    if (record.auto_id && field->field.is_primary_key) {
      schema->fields.back().auto_id = true;
    }
  }
  if (parts.functions.empty()) {
    schema->functions = record.functions;
  }
  for (const auto& [id, function] : parts.functions) {
    schema->functions.push_back(function.value);
  }
}

void CatalogBuilder::AssemblePartitions(const CollectionRecord& record,
                                        const Parts& parts,
                                        Collection* out) {
  std::map<PartitionId, const Partition*> partitions;
  for (const Partition& partition : record.partitions) {
    partitions[partition.id] = &partition;
  }
  for (const auto& [id, partition] : parts.partitions) {
    partitions[id] = &partition.value;
  }
  for (const auto& [id, partition] : partitions) {
    if (Exists(partition->state)) {
      out->partitions.push_back(*partition);
    }
  }
}

}  // namespace cdc
