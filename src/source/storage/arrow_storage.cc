#include "source/storage/arrow_storage.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include <arrow/filesystem/filesystem.h>
#include <arrow/filesystem/localfs.h>
#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/status.h>
#include <arrow/util/io_util.h>

#include "source/storage/stoppable_call.h"

namespace cdc {
namespace {

class ArrowFile final : public StorageFile {
 public:
  ArrowFile(std::shared_ptr<arrow::io::RandomAccessFile> file,
            int64_t size,
            std::string name,
            std::stop_token stop)
      : file_(std::move(file)), size_(size), name_(std::move(name)), stop_(std::move(stop)) {}

  int64_t size() const override { return size_; }

  Status ReadAt(int64_t offset, int64_t size, char* out) override {
    if (!stop_.stop_possible()) {
      return Read(*file_, name_, offset, size, out);
    }
    // After a stop `out` is no longer there.
    CDC_ASSIGN_OR_RETURN(
        const std::string bytes,
        CallUntil<std::string>(stop_,
                               [file = file_, name = name_, offset, size]() -> Result<std::string> {
                                 std::string read(static_cast<size_t>(size), '\0');
                                 CDC_RETURN_IF_ERROR(Read(*file, name, offset, size, read.data()));
                                 return read;
                               }));
    std::ranges::copy(bytes, out);
    return OkStatus();
  }

 private:
  static Status Read(arrow::io::RandomAccessFile& file,
                     const std::string& name,
                     int64_t offset,
                     int64_t size,
                     char* out) {
    const arrow::Result<int64_t> read = file.ReadAt(offset, size, out);
    if (!read.ok()) {
      return FromArrowStatus(read.status(), "cannot read " + name);
    }
    if (*read != size) {
      return DataLossError(name + " ends early: at byte " + std::to_string(offset + *read));
    }
    return OkStatus();
  }

  const std::shared_ptr<arrow::io::RandomAccessFile> file_;
  const int64_t size_;
  const std::string name_;
  const std::stop_token stop_;
};

struct OpenedFile {
  std::shared_ptr<arrow::io::RandomAccessFile> file;
  int64_t size = 0;
};

Result<OpenedFile> OpenFile(arrow::fs::FileSystem& files,
                            const std::string& path,
                            const std::string& name) {
  auto opened = files.OpenInputFile(path);
  if (!opened.ok()) {
    return FromArrowStatus(opened.status(), "cannot open " + name);
  }
  OpenedFile result{.file = *std::move(opened)};
  const arrow::Result<int64_t> size = result.file->GetSize();
  if (!size.ok()) {
    return FromArrowStatus(size.status(), "cannot open " + name);
  }
  result.size = *size;
  return result;
}

Result<std::vector<std::string>> ListFiles(arrow::fs::FileSystem& files,
                                           const std::string& folder,
                                           const std::string& name) {
  arrow::fs::FileSelector selector;
  selector.base_dir = folder;
  selector.allow_not_found = true;
  const auto found = files.GetFileInfo(selector);
  if (!found.ok()) {
    return FromArrowStatus(found.status(), "cannot list " + name);
  }
  std::vector<std::string> names;
  for (const arrow::fs::FileInfo& file : *found) {
    if (file.IsFile()) {
      names.push_back(file.base_name());
    }
  }
  std::ranges::sort(names);
  return names;
}

class ArrowStorage final : public Storage {
 public:
  ArrowStorage(std::shared_ptr<arrow::fs::FileSystem> files,
               std::string root,
               std::string place,
               bool hangs,
               std::stop_token stop)
      : files_(std::move(files)),
        root_(std::move(root)),
        place_(std::move(place)),
        hangs_(hangs),
        stop_(std::move(stop)) {}

  Result<std::unique_ptr<StorageFile>> Open(const std::string& path) override {
    const std::string name = path + " in " + place_;
    CDC_ASSIGN_OR_RETURN(
        OpenedFile opened,
        CallUntil<OpenedFile>(stop_, [files = files_, path = root_ + "/" + path, name] {
          return OpenFile(*files, path, name);
        }));
    return std::unique_ptr<StorageFile>(
        std::make_unique<ArrowFile>(std::move(opened.file), opened.size, name, stop_));
  }

  Result<std::vector<std::string>> List(const std::string& folder) override {
    return CallUntil<std::vector<std::string>>(
        stop_, [files = files_, path = root_ + "/" + folder, name = folder + " in " + place_] {
          return ListFiles(*files, path, name);
        });
  }

  std::unique_ptr<Storage> Until(std::stop_token stop) override {
    return std::make_unique<ArrowStorage>(files_, root_, place_, hangs_,
                                          hangs_ ? std::move(stop) : std::stop_token());
  }

 private:
  const std::shared_ptr<arrow::fs::FileSystem> files_;
  const std::string root_;
  const std::string place_;
  const bool hangs_;
  const std::stop_token stop_;
};

// The error of an S3 server is in the text only: "AWS Error ACCESS_DENIED during …".
bool IsAwsError(const std::string& text, std::string_view name) {
  return text.find("AWS Error " + std::string(name)) != std::string::npos;
}

// How S3 answers for a bucket of another region.
bool IsElsewhere(const std::string& text) {
  return text.find("HTTP status 301") != std::string::npos;
}

bool IsForbidden(const std::string& text) {
  return IsAwsError(text, "ACCESS_DENIED") || IsAwsError(text, "INVALID_ACCESS_KEY_ID") ||
         IsAwsError(text, "SIGNATURE_DOES_NOT_MATCH") ||
         text.find("HTTP status 403") != std::string::npos;
}

StatusCode CodeOf(const arrow::Status& status) {
  const int error = arrow::internal::ErrnoFromStatus(status);
  const std::string& text = status.message();
  if (error == ENOENT || error == ENOTDIR || IsAwsError(text, "NO_SUCH_KEY") ||
      IsAwsError(text, "NO_SUCH_BUCKET") || IsAwsError(text, "RESOURCE_NOT_FOUND")) {
    return StatusCode::kNotFound;
  }
  if (error == EACCES || error == EPERM || IsForbidden(text)) {
    return StatusCode::kPermissionDenied;
  }
  return status.IsInvalid() || IsElsewhere(text) ? StatusCode::kInvalidArgument
                                                 : StatusCode::kUnavailable;
}

}  // namespace

Status FromArrowStatus(const arrow::Status& status, const std::string& what) {
  const std::string hint = IsElsewhere(status.message()) ? ": it is in another region"
                           : IsForbidden(status.message())
                               ? ": the keys are wrong or do not allow it"
                               : "";
  return {CodeOf(status), what + hint + ": " + status.message()};
}

std::unique_ptr<Storage> NewArrowStorage(std::shared_ptr<arrow::fs::FileSystem> files,
                                         std::string root,
                                         std::string place,
                                         bool hangs) {
  return std::make_unique<ArrowStorage>(std::move(files), std::move(root), std::move(place), hangs,
                                        std::stop_token());
}

Result<std::unique_ptr<Storage>> OpenLocalStorage(const std::string& root) {
  const std::string place = "the folder " + root;
  auto files = std::make_shared<arrow::fs::LocalFileSystem>();
  const arrow::Result<arrow::fs::FileInfo> info = files->GetFileInfo(root);
  if (!info.ok()) {
    return FromArrowStatus(info.status(), "cannot open " + place);
  }
  if (!info->IsDirectory()) {
    return NotFoundError("there is no folder " + root);
  }
  return NewArrowStorage(std::move(files), root, place, /*hangs=*/false);
}

}  // namespace cdc
