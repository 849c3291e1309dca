#include "source/storage/arrow_storage.h"

#include <algorithm>
#include <cerrno>
#include <initializer_list>
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
            CallPatience patience)
      : file_(std::move(file)),
        size_(size),
        name_(std::move(name)),
        patience_(std::move(patience)) {}

  int64_t size() const override { return size_; }

  Status ReadAt(int64_t offset, int64_t size, char* out) override {
    if (!patience_.stop.stop_possible() && !patience_.limit) {
      return Read(*file_, name_, offset, size, out);
    }
    // When the call is left, `out` is no longer there.
    const Result<std::string> bytes =
        CallWith<std::string>(patience_, "cannot read " + name_,
                              [file = file_, name = name_, offset, size]() -> Result<std::string> {
                                std::string read(static_cast<size_t>(size), '\0');
                                CDC_RETURN_IF_ERROR(Read(*file, name, offset, size, read.data()));
                                return read;
                              });
    CDC_RETURN_IF_ERROR(bytes.status());
    std::ranges::copy(*bytes, out);
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
  const CallPatience patience_;
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
  ArrowStorage(ArrowStorageParts parts, std::stop_token stop)
      : parts_(std::move(parts)), patience_{.stop = std::move(stop), .limit = parts_.limit} {}

  Result<std::unique_ptr<StorageFile>> Open(const std::string& path) override {
    const std::string name = path + " in " + parts_.place;
    CDC_ASSIGN_OR_RETURN(
        OpenedFile opened,
        CallWith<OpenedFile>(patience_, "cannot open " + name,
                             [files = parts_.files, path = parts_.root + "/" + path, name] {
                               return OpenFile(*files, path, name);
                             }));
    return std::unique_ptr<StorageFile>(
        std::make_unique<ArrowFile>(std::move(opened.file), opened.size, name, patience_));
  }

  Result<std::vector<std::string>> List(const std::string& folder) override {
    const std::string name = folder + " in " + parts_.place;
    return CallWith<std::vector<std::string>>(
        patience_, "cannot list " + name,
        [files = parts_.files, path = parts_.root + "/" + folder, name] {
          return ListFiles(*files, path, name);
        });
  }

  std::unique_ptr<Storage> Until(std::stop_token stop) override {
    return std::make_unique<ArrowStorage>(parts_,
                                          parts_.hangs ? std::move(stop) : std::stop_token());
  }

 private:
  const ArrowStorageParts parts_;
  const CallPatience patience_;
};

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// What the servers answer is in the text only: "AWS Error ACCESS_DENIED during ...", "Azure Error:
// [AuthorizationFailure] 403 ...", "google::cloud::Status(PERMISSION_DENIED: ...)".
bool ContainsOne(const std::string& text, std::initializer_list<std::string_view> parts) {
  return std::ranges::any_of(parts, [&](std::string_view part) { return Contains(text, part); });
}

// How S3 answers for a bucket of another region.
bool IsElsewhere(const std::string& text) { return Contains(text, "HTTP status 301"); }

bool IsForbidden(const std::string& text) {
  return ContainsOne(
      text, {"AWS Error ACCESS_DENIED", "AWS Error INVALID_ACCESS_KEY_ID",
             "AWS Error SIGNATURE_DOES_NOT_MATCH", "HTTP status 403", "] 403 ", "] 401 ",
             "google::cloud::Status(PERMISSION_DENIED", "google::cloud::Status(UNAUTHENTICATED"});
}

bool IsMissing(const std::string& text) {
  return ContainsOne(text, {"AWS Error NO_SUCH_KEY", "AWS Error NO_SUCH_BUCKET",
                            "AWS Error RESOURCE_NOT_FOUND", "] 404 "});
}

StatusCode CodeOf(const arrow::Status& status) {
  const int error = arrow::internal::ErrnoFromStatus(status);
  const std::string& text = status.message();
  if (error == ENOENT || error == ENOTDIR || IsMissing(text)) {
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
  // Azure's words go on for lines.
  const std::string& text = status.message();
  return {CodeOf(status), what + hint + ": " + text.substr(0, text.find('\n'))};
}

std::unique_ptr<Storage> NewArrowStorage(ArrowStorageParts parts) {
  return std::make_unique<ArrowStorage>(std::move(parts), std::stop_token());
}

std::string PathInBucket(const std::string& bucket, const std::string& root) {
  const size_t first = root.find_first_not_of('/');
  if (first == std::string::npos) {
    return bucket;
  }
  return bucket + "/" + root.substr(first, root.find_last_not_of('/') - first + 1);
}

Status CheckBucket(const std::shared_ptr<arrow::fs::FileSystem>& files,
                   const std::string& bucket,
                   std::optional<std::chrono::milliseconds> limit,
                   const std::string& failed) {
  const auto found = CallWith<arrow::fs::FileType>(
      {.limit = limit}, failed, [files, bucket, failed]() -> Result<arrow::fs::FileType> {
        const auto info = files->GetFileInfo(bucket);
        if (!info.ok()) {
          return FromArrowStatus(info.status(), failed);
        }
        return info->type();
      });
  CDC_RETURN_IF_ERROR(found.status());
  return *found == arrow::fs::FileType::NotFound
             ? NotFoundError(failed + ": there is no such bucket")
             : OkStatus();
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
  return NewArrowStorage({.files = std::move(files), .root = root, .place = place});
}

}  // namespace cdc
