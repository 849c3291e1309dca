#include "metastore/testing/temp_dir.h"

#include <filesystem>
#include <system_error>

#include <stdlib.h>

#include "base/status.h"

namespace cdc {

TempDir::TempDir() : path_((std::filesystem::temp_directory_path() / "cdc-test-XXXXXX").string()) {
  CDC_CHECK(mkdtemp(path_.data()) != nullptr);
}

TempDir::~TempDir() {
  std::error_code ignored;  // a folder left behind does no harm
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace cdc
