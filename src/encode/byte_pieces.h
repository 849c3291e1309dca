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

// Collects a request as a list of pieces. Small pieces are copied into the text at the end; large
// ones are referenced, and their owner keeps them alive.
class PieceWriter {
 public:
  // The text at the end of the request. Append to it directly; Append may replace it.
  std::string& text() { return text_; }

  void Append(std::string_view bytes, const MessagePtr& owner);

  std::vector<Payload> Finish();

 private:
  void FlushText();

  std::string text_;
  std::vector<Payload> pieces_;
};

size_t TotalSize(std::span<const Payload> pieces);

// Joins the pieces without copying large ones.
grpc::ByteBuffer ToByteBuffer(std::span<const Payload> pieces);

}  // namespace cdc
