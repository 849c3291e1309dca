// Changes of etcd keys below Milvus' meta root, and what is planned from the catalog they make.
//
// Input: changes, with fuzz::kSeparator between them. The first byte says what it is:
//   "+<key>=<value>"  a key is written      "-<key>"  a key is deleted
//   "~"               all keys are listed   "!"       the catalog is shown
//   "?<schema>"       a target describes a collection (schema.CollectionSchema)
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/stubs/logging.h>

#include "fuzz.h"
#include "milvus/schema_proto.h"
#include "milvus_meta.pb.h"
#include "model/ddl.h"
#include "model/index_params.h"
#include "reconcile/plan/plan.h"
#include "schema.pb.h"
#include "source/catalog/catalog_builder.h"

namespace cdc {
namespace {

namespace schema = ::milvus::proto::schema;

constexpr const char* kRoot = "by-dev/meta/";

bool SameCatalog(const Catalog& a, const Catalog& b) {
  const auto same = [](const auto& x, const auto& y) {
    if (x.size() != y.size()) {
      return false;
    }
    for (const auto& [id, value] : x) {
      const auto found = y.find(id);
      if (found == y.end() || *found->second != *value) {
        return false;
      }
    }
    return true;
  };
  return same(a.databases, b.databases) && same(a.collections, b.collections);
}

// A schema may be malformed, or of a kind that no request can ask for.
void CheckRefused(const Status& status) {
  FUZZ_EXPECT(
      status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kInvalidArgument,
      status.ToString());
  FUZZ_EXPECT(!status.message().empty(), "");
}

// What the pipeline and the sink make of a collection of the source.
void Plan(const Collection& collection) {
  const CollectionName name{"default", collection.name};
  const CreateCollection create = PlanCreate(collection, name);
  fuzz::Touch(Describe(create));
  const auto serialized = SerializeSchema(collection.name, collection.schema);
  TargetCollection target;
  if (serialized.ok()) {
    schema::CollectionSchema proto;
    // Names that are not UTF-8 are the one thing that libprotobuf writes and does not read.
    if (proto.ParseFromString(*serialized)) {
      target.schema = SchemaFromProto(proto);
    }
  } else {
    CheckRefused(serialized.status());
  }
  static_cast<void>(CheckFits(collection, name, target).ok());
  for (const Ddl& ddl : PlanCollection(collection, name, target, PlanOptions{})) {
    fuzz::Touch(Describe(ddl));
  }
  for (const Index& index : collection.indexes) {
    static_cast<void>(FlattenIndexParams(index.params).size());
  }
}

void DescribeTarget(std::string_view value) {
  schema::CollectionSchema proto;
  if (!proto.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return;
  }
  const Schema described = SchemaFromProto(proto);
  const auto serialized = SerializeSchema("name", described);
  if (!serialized.ok()) {
    CheckRefused(serialized.status());
  }
  for (const std::string& difference : SchemaDifferences(described, described)) {
    fuzz::Touch(difference);
  }
}

// The builder beside a plain map of what etcd holds.
class Etcd {
 public:
  void Apply(std::string_view change) {
    if (change.empty()) {
      return;
    }
    const std::string_view rest = change.substr(1);
    switch (change.front()) {
      case '+': Put(rest); break;
      case '-': Delete(kRoot + std::string(rest)); break;
      case '~': Relist(); break;
      case '!': Build(); break;
      case '?': DescribeTarget(rest); break;
      default: break;
    }
  }

  void Finish() {
    const auto catalog = Build();
    FUZZ_EXPECT(!builder_.Build(revision_).changed, "changed by nothing");
    for (const auto& [id, collection] : catalog->collections) {
      FUZZ_EXPECT(collection->id == id, "another collection's id");
      FUZZ_EXPECT(!collection->schema.fields.empty(), "a collection without fields");
      FUZZ_EXPECT(collection->vchannels.size() == collection->pchannels.size(), "channels");
      Plan(*collection);
    }
    if (!by_keys_alone_) {
      return;
    }
    CatalogBuilder fresh(kRoot);
    std::vector<Status> errors;
    fresh.Relist(Listed(), &errors);
    FUZZ_EXPECT(errors.empty(), errors.front().ToString());
    FUZZ_EXPECT(SameCatalog(*catalog, *fresh.Build(revision_).catalog),
                "the catalog depends on the order of the changes");
  }

 private:
  void Put(std::string_view text) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
      return;
    }
    EtcdKeyValue kv{.key = kRoot + std::string(text.substr(0, equals)),
                    .value = std::string(text.substr(equals + 1)),
                    .mod_revision = ++revision_};
    meta::CollectionInfo info;
    // A collection that is Dropping remembers parts that are gone from etcd, and a value that
    // cannot be understood leaves what was there.
    if (info.ParseFromString(kv.value) && info.state() == meta::CollectionDropping) {
      by_keys_alone_ = false;
    }
    Check(builder_.Put(kv));
    const std::string key = kv.key;
    kvs_[key] = std::move(kv);
  }

  void Delete(const std::string& key) {
    ++revision_;
    builder_.Delete(key);
    kvs_.erase(key);
  }

  void Relist() {
    std::vector<Status> errors;
    builder_.Relist(Listed(), &errors);
    for (const Status& status : errors) {
      Check(status);
    }
  }

  std::shared_ptr<const Catalog> Build() {
    auto built = builder_.Build(revision_);
    FUZZ_EXPECT(built.catalog->revision == revision_, "revision");
    return built.catalog;
  }

  void Check(const Status& status) {
    if (!status.ok()) {
      by_keys_alone_ = false;
      FUZZ_EXPECT(status.code() == StatusCode::kDataLoss, status.ToString());
      FUZZ_EXPECT(status.message().find("etcd key") != std::string::npos, status.ToString());
    }
  }

  std::vector<EtcdKeyValue> Listed() const {
    std::vector<EtcdKeyValue> listed;
    for (const auto& [key, kv] : kvs_) {
      listed.push_back(kv);
    }
    return listed;
  }

  CatalogBuilder builder_{kRoot};
  std::map<std::string, EtcdKeyValue> kvs_;
  int64_t revision_ = 0;
  bool by_keys_alone_ = true;
};

}  // namespace
}  // namespace cdc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* const kOldHandler = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(kOldHandler);
  cdc::Etcd etcd;
  for (const std::string_view change :
       cdc::fuzz::Split({reinterpret_cast<const char*>(data), size})) {
    etcd.Apply(change);
  }
  etcd.Finish();
  return 0;
}
