#include "source/snapshot/payload_input.h"

#include <algorithm>
#include <utility>

#include <arrow/buffer.h>
#include <arrow/result.h>
#include <arrow/status.h>

namespace cdc {

PayloadInput::PayloadInput(std::shared_ptr<StorageFile> file, ByteRange range)
    : file_(std::move(file)), range_(range) {}

arrow::Status PayloadInput::Close() { return arrow::Status::OK(); }

arrow::Status PayloadInput::Seek(int64_t position) {
  if (position < 0 || position > range_.size) {
    return arrow::Status::IOError("seek beyond the end");
  }
  at_ = position;
  return arrow::Status::OK();
}

arrow::Result<int64_t> PayloadInput::Read(int64_t nbytes, void* out) {
  ARROW_ASSIGN_OR_RAISE(const int64_t read, ReadAt(at_, nbytes, out));
  at_ += read;
  return read;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> PayloadInput::Read(int64_t nbytes) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer, ReadAt(at_, nbytes));
  at_ += buffer->size();
  return buffer;
}

arrow::Result<int64_t> PayloadInput::ReadAt(int64_t position, int64_t nbytes, void* out) {
  if (position < 0 || position > range_.size || nbytes < 0) {
    return arrow::Status::IOError("read beyond the end");
  }
  const int64_t size = std::min(nbytes, range_.size - position);
  const Status status = file_->ReadAt(range_.offset + position, size, static_cast<char*>(out));
  if (!status.ok()) {
    failure_ = failure_.ok() ? status : failure_;
    return arrow::Status::IOError(status.message());
  }
  return size;
}

arrow::Result<std::shared_ptr<arrow::Buffer>> PayloadInput::ReadAt(int64_t position,
                                                                   int64_t nbytes) {
  // A damaged length must not make us allocate it.
  const int64_t size = std::clamp<int64_t>(nbytes, 0, std::max<int64_t>(range_.size - position, 0));
  ARROW_ASSIGN_OR_RAISE(std::unique_ptr<arrow::ResizableBuffer> buffer,
                        arrow::AllocateResizableBuffer(size));
  ARROW_ASSIGN_OR_RAISE(const int64_t read, ReadAt(position, size, buffer->mutable_data()));
  ARROW_RETURN_NOT_OK(buffer->Resize(read, /*shrink_to_fit=*/false));
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

}  // namespace cdc
