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

namespace cdc {
namespace {

class ArrowFile final : public StorageFile {
 public:
  ArrowFile(std::shared_ptr<arrow::io::RandomAccessFile> file, int64_t size, std::string name)
      : file_(std::move(file)), size_(size), name_(std::move(name)) {}

  int64_t size() const override { return size_; }

  Status ReadAt(int64_t offset, int64_t size, char* out) override {
    const arrow::Result<int64_t> read = file_->ReadAt(offset, size, out);
    if (!read.ok()) {
      return FromArrowStatus(read.status(), "cannot read " + name_);
    }
    if (*read != size) {
      return DataLossError(name_ + " ends early: at byte " + std::to_string(offset + *read));
    }
    return OkStatus();
  }

 private:
  const std::shared_ptr<arrow::io::RandomAccessFile> file_;
  const int64_t size_;
  const std::string name_;
};

class ArrowStorage final : public Storage {
 public:
  ArrowStorage(std::shared_ptr<arrow::fs::FileSystem> files, std::string root, std::string place)
      : files_(std::move(files)), root_(std::move(root)), place_(std::move(place)) {}

  Result<std::unique_ptr<StorageFile>> Open(const std::string& path) override {
    const std::string name = path + " in " + place_;
    auto opened = files_->OpenInputFile(root_ + "/" + path);
    if (!opened.ok()) {
      return FromArrowStatus(opened.status(), "cannot open " + name);
    }
    std::shared_ptr<arrow::io::RandomAccessFile> file = *std::move(opened);
    const arrow::Result<int64_t> size = file->GetSize();
    if (!size.ok()) {
      return FromArrowStatus(size.status(), "cannot open " + name);
    }
    return std::unique_ptr<StorageFile>(std::make_unique<ArrowFile>(std::move(file), *size, name));
  }

  Result<std::vector<std::string>> List(const std::string& folder) override {
    arrow::fs::FileSelector selector;
    selector.base_dir = root_ + "/" + folder;
    selector.allow_not_found = true;
    const auto found = files_->GetFileInfo(selector);
    if (!found.ok()) {
      return FromArrowStatus(found.status(), "cannot list " + folder + " in " + place_);
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

 private:
  const std::shared_ptr<arrow::fs::FileSystem> files_;
  const std::string root_;
  const std::string place_;
};

// The error of an S3 server is in the text only: "AWS Error ACCESS_DENIED during …".
bool IsAwsError(const std::string& text, std::string_view name) {
  return text.find("AWS Error " + std::string(name)) != std::string::npos;
}

// How S3 answers for a bucket of another region.
bool IsElsewhere(const std::string& text) {
  return text.find("HTTP status 301") != std::string::npos;
}

StatusCode CodeOf(const arrow::Status& status) {
  const int error = arrow::internal::ErrnoFromStatus(status);
  const std::string& text = status.message();
  if (error == ENOENT || error == ENOTDIR || IsAwsError(text, "NO_SUCH_KEY") ||
      IsAwsError(text, "NO_SUCH_BUCKET") || IsAwsError(text, "RESOURCE_NOT_FOUND")) {
    return StatusCode::kNotFound;
  }
  if (error == EACCES || error == EPERM || IsAwsError(text, "ACCESS_DENIED") ||
      IsAwsError(text, "INVALID_ACCESS_KEY_ID") || IsAwsError(text, "SIGNATURE_DOES_NOT_MATCH") ||
      text.find("HTTP status 403") != std::string::npos) {
    return StatusCode::kPermissionDenied;
  }
  return status.IsInvalid() || IsElsewhere(text) ? StatusCode::kInvalidArgument
                                                 : StatusCode::kUnavailable;
}

}  // namespace

Status FromArrowStatus(const arrow::Status& status, const std::string& what) {
  const std::string hint = IsElsewhere(status.message()) ? ": it is in another region" : "";
  return {CodeOf(status), what + hint + ": " + status.message()};
}

std::unique_ptr<Storage> NewArrowStorage(std::shared_ptr<arrow::fs::FileSystem> files,
                                         std::string root,
                                         std::string place) {
  return std::make_unique<ArrowStorage>(std::move(files), std::move(root), std::move(place));
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
  return NewArrowStorage(std::move(files), root, place);
}

}  // namespace cdc
