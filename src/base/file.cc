#include "base/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
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

namespace {

// errno of what failed, or 0.
int WriteDurably(int file, std::string_view content) {
  // The file may be there already, with another mode.
  if (fchmod(file, 0600) != 0) {
    return errno;
  }
  while (!content.empty()) {
    const ssize_t count = write(file, content.data(), content.size());
    if (count < 0 && errno != EINTR) {
      return errno;
    }
    content.remove_prefix(count > 0 ? static_cast<size_t>(count) : 0);
  }
  return fsync(file) == 0 ? 0 : errno;
}

}  // namespace

Status WritePrivateFile(const std::string& path, const std::string& content) {
  const auto fail = [&path](int error) {
    return UnavailableError("cannot write " + path + ": " + std::strerror(error));
  };
  const std::string unfinished = path + ".new";
  // A file that is there may be somebody else's, who would keep it open.
  unlink(unfinished.c_str());
  const int file = open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    return fail(errno);
  }
  int error = WriteDurably(file, content);
  close(file);
  if (error == 0 && std::rename(unfinished.c_str(), path.c_str()) != 0) {
    error = errno;
  }
  if (error != 0) {
    unlink(unfinished.c_str());
    return fail(error);
  }
  // The new name, too, must be durable.
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) {
    return fail(errno);
  }
  error = fsync(directory) == 0 ? 0 : errno;
  close(directory);
  return error == 0 ? OkStatus() : fail(error);
}

}  // namespace cdc
