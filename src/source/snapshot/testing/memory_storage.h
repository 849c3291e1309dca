#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "source/storage/storage.h"

namespace cdc {

// An open file with these bytes.
std::unique_ptr<StorageFile> NewMemoryFile(std::string bytes);

// A storage in memory.
class MemoryStorage final : public Storage {
 public:
  Result<std::unique_ptr<StorageFile>> Open(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& folder) override;
  // What it returns must not outlive this, and heeds no stop: nothing here takes time.
  std::unique_ptr<Storage> Until(std::stop_token stop) override;

  std::map<std::string, std::string> files;  // by path
  Status failure;                            // of every call, if it is not OK
};

}  // namespace cdc
