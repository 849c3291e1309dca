#include "source/snapshot/testing/memory_storage.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

class MemoryFile final : public StorageFile {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}

  int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }

  Status ReadAt(int64_t offset, int64_t size, char* out) override {
    if (offset + size > static_cast<int64_t>(bytes_.size())) {
      return DataLossError("the file ends early");
    }
    std::copy_n(bytes_.begin() + offset, size, out);
    return OkStatus();
  }

 private:
  const std::string bytes_;
};

class Forwarder final : public Storage {
 public:
  explicit Forwarder(Storage* storage) : storage_(storage) {}

  Result<std::unique_ptr<StorageFile>> Open(const std::string& path) override {
    return storage_->Open(path);
  }
  Result<std::vector<std::string>> List(const std::string& folder) override {
    return storage_->List(folder);
  }
  std::unique_ptr<Storage> Until(std::stop_token stop) override { return storage_->Until(stop); }

 private:
  Storage* const storage_;
};

}  // namespace

std::unique_ptr<StorageFile> NewMemoryFile(std::string bytes) {
  return std::make_unique<MemoryFile>(std::move(bytes));
}

Result<std::unique_ptr<StorageFile>> MemoryStorage::Open(const std::string& path) {
  CDC_RETURN_IF_ERROR(failure);
  const auto found = files.find(path);
  if (found == files.end()) {
    return NotFoundError("cannot open " + path);
  }
  return NewMemoryFile(found->second);
}

Result<std::vector<std::string>> MemoryStorage::List(const std::string& folder) {
  CDC_RETURN_IF_ERROR(failure);
  std::vector<std::string> names;
  for (const auto& [path, bytes] : files) {
    if (path.starts_with(folder + "/")) {
      names.push_back(path.substr(folder.size() + 1));
    }
  }
  return names;
}

std::unique_ptr<Storage> MemoryStorage::Until(std::stop_token /*stop*/) {
  return std::make_unique<Forwarder>(this);
}

}  // namespace cdc
