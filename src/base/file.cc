#include "base/file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace cdc {

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  const auto fail = [&path](const std::string& why) {
    return InvalidArgumentError("cannot read " + path + ": " + why);
  };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    return fail(std::strerror(errno));
  }
  std::string text;
  ssize_t count = 0;
  // Its size is not asked for first: a pipe has none, and a file may still grow.
  do {
    const size_t size = text.size();
    text.resize(size + (64U << 10));
    do {
      count = read(file, text.data() + size, text.size() - size);
    } while (count < 0 && errno == EINTR);
    text.resize(size + (count > 0 ? static_cast<size_t>(count) : 0));
  } while (count > 0 && text.size() <= max_bytes);
  const int error = errno;
  close(file);
  if (count < 0) {
    return fail(std::strerror(error));
  }
  if (text.size() > max_bytes) {
    return fail("it is larger than " + std::to_string(max_bytes) + " bytes");
  }
  return text;
}

}  // namespace cdc
