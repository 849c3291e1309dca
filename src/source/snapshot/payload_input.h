#pragma once

#include <cstdint>
#include <memory>

#include <arrow/io/interfaces.h>
#include <arrow/result.h>

#include "base/status.h"
#include "source/snapshot/log_file.h"
#include "source/storage/storage.h"

namespace cdc {

// A part of a file, as a file of its own for Arrow. Use it from one thread at a time.
class PayloadInput final : public arrow::io::RandomAccessFile {
 public:
  PayloadInput(std::shared_ptr<StorageFile> file, ByteRange range);

  // The first error of the storage, which Arrow only carries as text.
  const Status& failure() const { return failure_; }

  arrow::Status Close() override;
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return at_; }
  arrow::Status Seek(int64_t position) override;
  arrow::Result<int64_t> GetSize() override { return range_.size; }
  arrow::Result<int64_t> Read(int64_t nbytes, void* out) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override;
  arrow::Result<int64_t> ReadAt(int64_t position, int64_t nbytes, void* out) override;
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t nbytes) override;

 private:
  const std::shared_ptr<StorageFile> file_;
  const ByteRange range_;
  int64_t at_ = 0;
  Status failure_;
};

}  // namespace cdc
