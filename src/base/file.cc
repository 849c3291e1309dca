#include "base/file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace cdc {

Result<std::string> ReadFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) {
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  if (!file || file.bad()) {
    return InvalidArgumentError("cannot read " + path + ": " +
                                (errno != 0 ? std::strerror(errno) : "unknown reason"));
  }
  return text;
}

}  // namespace cdc
