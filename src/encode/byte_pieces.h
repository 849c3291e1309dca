#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/message.h"

namespace grpc {
class ByteBuffer;
}

namespace cdc {

// Collects a request as a list of pieces: small bytes are copied into the text at the end, large
// ones are referred to and kept alive by their owner.
class PieceWriter {
 public:
  // What is appended here comes after all that was appended before.
  std::string& text() { return text_; }

  void Append(std::string_view bytes, const MessagePtr& owner);

  std::vector<Payload> Finish();

 private:
  void FlushText();

  std::string text_;
  std::vector<Payload> pieces_;
};

size_t TotalSize(std::span<const Payload> pieces);

// The pieces one after another; large ones are not copied.
grpc::ByteBuffer ToByteBuffer(std::span<const Payload> pieces);

}  // namespace cdc
