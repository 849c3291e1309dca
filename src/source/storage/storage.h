#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"

namespace cdc {

// A file of a storage, open for reading. Use it from one thread at a time.
class StorageFile {
 public:
  virtual ~StorageFile() = default;

  virtual int64_t size() const = 0;

  // Reads exactly `size` bytes from `offset` on. kDataLoss: the file ends before. Others: see
  // Storage.
  virtual Status ReadAt(int64_t offset, int64_t size, char* out) = 0;
};

// The storage in which the source keeps the files of its segments, below one root. Read-only and
// thread-safe. Paths are relative to the root, without a leading slash. Must outlive its files.
//
// Each call takes bounded time, but up to half a minute if a server is silent: see Until.
// kNotFound: no such file. kPermissionDenied: the credentials do not allow it. kUnavailable: not
// reachable, or it failed; try again. Messages name the file and the storage, never a credential.
class Storage {
 public:
  virtual ~Storage() = default;

  virtual Result<std::unique_ptr<StorageFile>> Open(const std::string& path) = 0;

  // The names of the files in `folder`, sorted; none if there is no such folder.
  virtual Result<std::vector<std::string>> List(const std::string& folder) = 0;

  // The same storage for somebody who may be stopped: as soon as `stop` is requested, the calls of
  // what this returns and of its files return kCancelled. May outlive this.
  virtual std::unique_ptr<Storage> Until(std::stop_token stop) = 0;
};

// Files below `root`, Milvus' localStorage.path. kNotFound: there is no such folder.
Result<std::unique_ptr<Storage>> OpenLocalStorage(const std::string& root);

struct S3StorageOptions {
  std::string address{};  // "host:port" (Milvus' minio.address and port); empty: AWS, by region
  bool use_tls = false;
  std::string ca_file{};  // PEM; empty: the system's certificates
  std::string region{};
  bool virtual_host = false;  // the bucket is part of the host name
  std::string bucket = "a-bucket";
  std::string root = "files";  // Milvus' minio.rootPath
  std::string access_key{};    // empty: what the environment provides, e.g. IAM
  std::string secret_key{};
  std::chrono::milliseconds connect_timeout{3'000};
  std::chrono::milliseconds request_timeout{10'000};
};

// Objects below `root` in a bucket of MinIO, AWS or another S3-compatible server. Checks the bucket
// with one call, within `connect_timeout` twice. kNotFound: no such bucket. kInvalidArgument: it is
// in another region. Others: as above. Later on, a server that accepts a connection and never
// answers is given three times `request_timeout`.
Result<std::unique_ptr<Storage>> OpenS3Storage(const S3StorageOptions& options);

struct AzureStorageOptions {
  // Milvus' minio.address, the end of the host's name; empty: "core.windows.net". With a port it is
  // the whole host ("127.0.0.1:10000", an emulator), which has the account in its paths.
  std::string address{};
  bool use_tls = true;
  std::string account{};
  std::string account_key{};  // base64; empty: what the environment provides, e.g. an identity
  std::string container = "a-bucket";
  std::string root = "files";
  std::chrono::milliseconds connect_timeout{6'000};  // for the first call
  std::chrono::milliseconds request_timeout{30'000};
};

// Blobs below `root` in a container of Azure. Checks the container with one call. Errors: as above;
// kInvalidArgument: an account or a key that cannot be one.
Result<std::unique_ptr<Storage>> OpenAzureStorage(const AzureStorageOptions& options);

struct GcsStorageOptions {
  std::string address{};      // empty: Google's
  bool use_tls = true;        // without, no credentials are sent (an emulator)
  std::string credentials{};  // of a service account, as JSON; empty: what the environment provides
  std::string bucket = "a-bucket";
  std::string root = "files";
  std::chrono::milliseconds connect_timeout{6'000};  // for the first call
  std::chrono::milliseconds request_timeout{30'000};
};

// Objects below `root` in a bucket of Google Cloud Storage. Checks the bucket with one call.
// Errors: as above.
Result<std::unique_ptr<Storage>> OpenGcsStorage(const GcsStorageOptions& options);

// The libraries have state for the whole process: call this once before main returns, after the
// last storage is gone. kUnavailable: a call that nobody waits for any more still waits for its
// answer, so main must not return but leave by std::_Exit.
Status EndStorage();

}  // namespace cdc
