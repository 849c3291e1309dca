#include "source/catalog/etcd_catalog_roots.h"

#include <utility>
#include <vector>

namespace cdc {
namespace {

// The number of single-key reads a search may cost, its depth and its number of results. Milvus'
// default root is two folders deep, with few folders next to it.
constexpr int kMaxLookups = 200;
constexpr int kMaxDepth = 3;
constexpr size_t kMaxRoots = 10;
constexpr const char* kRootCoord = "root-coord/";

// Walks the folders of etcd's keys without reading their contents: after each folder it asks for
// the first key behind it.
class RootSearch {
 public:
  RootSearch(EtcdClient& client, const std::stop_token& stop) : client_(client), stop_(stop) {}

  Status Walk(const std::string& folder, int depth) {
    const KeyRange all = PrefixRange(folder);
    std::string cursor = all.begin;
    while (lookups_ < kMaxLookups && roots_.size() < kMaxRoots) {
      CDC_ASSIGN_OR_RETURN(std::string key, FirstKey({.begin = cursor, .end = all.end}));
      if (key.empty()) {
        return OkStatus();
      }
      const size_t slash = key.find('/', folder.size());
      if (slash == std::string::npos) {
        cursor = key + '\0';
        continue;
      }
      const std::string child = key.substr(0, slash + 1);
      CDC_RETURN_IF_ERROR(Visit(child, depth));
      cursor = PrefixRange(child).end;
    }
    return OkStatus();
  }

  const std::vector<std::string>& roots() const { return roots_; }

 private:
  Status Visit(const std::string& folder, int depth) {
    CDC_ASSIGN_OR_RETURN(std::string key, FirstKey(PrefixRange(folder + kRootCoord)));
    if (!key.empty()) {
      roots_.push_back(folder.substr(0, folder.size() - 1));
      return OkStatus();  // deeper folders (its snapshots) are not roots of their own
    }
    return depth < kMaxDepth ? Walk(folder, depth + 1) : OkStatus();
  }

  // Empty if the range has no key.
  Result<std::string> FirstKey(const KeyRange& range) {
    ++lookups_;
    CDC_ASSIGN_OR_RETURN(EtcdRange found,
                         client_.Range(range, {.limit = 1, .keys_only = true}, stop_));
    return found.kvs.empty() ? std::string() : std::move(found.kvs.front().key);
  }

  EtcdClient& client_;
  const std::stop_token& stop_;
  std::vector<std::string> roots_;
  int lookups_ = 0;
};

}  // namespace

Status CheckMilvusRoot(EtcdClient& client,
                       const std::string& meta_root,
                       const std::stop_token& stop) {
  const std::string place = meta_root + kRootCoord;
  CDC_ASSIGN_OR_RETURN(EtcdRange found,
                       client.Range(PrefixRange(place), {.limit = 1, .keys_only = true}, stop));
  if (!found.kvs.empty()) {
    return OkStatus();
  }
  RootSearch search(client, stop);
  const Status searched = search.Walk("", 1);
  std::string roots;
  for (const std::string& root : search.roots()) {
    roots += (roots.empty() ? "" : ", ") + root;
  }
  if (!searched.ok() && roots.empty()) {
    roots = "not known (" + searched.message() + ")";
  }
  return NotFoundError("no Milvus metadata in etcd below " + place +
                       "; roots that hold some: " + (roots.empty() ? "none" : roots));
}

}  // namespace cdc
