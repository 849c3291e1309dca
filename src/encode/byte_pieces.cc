#include "encode/byte_pieces.h"

#include <memory>
#include <numeric>
#include <utility>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

namespace cdc {
namespace {

// Below this size, a copy is cheaper than another slice.
constexpr size_t kCopyBelow = 1024;

void Release(void* owner) { delete static_cast<std::shared_ptr<const void>*>(owner); }

}  // namespace

void PieceWriter::Append(std::string_view bytes, const MessagePtr& owner) {
  if (bytes.size() < kCopyBelow) {
    text_.append(bytes);
    return;
  }
  FlushText();  // the text so far comes before these bytes
  pieces_.push_back({owner, bytes});
}

void PieceWriter::FlushText() {
  if (!text_.empty()) {
    pieces_.push_back(Payload::Own(std::exchange(text_, {})));
  }
}

std::vector<Payload> PieceWriter::Finish() {
  FlushText();
  return std::exchange(pieces_, {});
}

size_t TotalSize(std::span<const Payload> pieces) {
  return std::accumulate(pieces.begin(), pieces.end(), size_t{0},
                         [](size_t sum, const Payload& piece) { return sum + piece.bytes.size(); });
}

grpc::ByteBuffer ToByteBuffer(std::span<const Payload> pieces) {
  std::vector<grpc::Slice> slices;
  slices.reserve(pieces.size());
  for (const Payload& piece : pieces) {
    if (piece.bytes.size() < kCopyBelow) {
      slices.emplace_back(piece.bytes.data(), piece.bytes.size());
    } else {
      // gRPC only reads the bytes, although its interface takes no const. The slice holds a copy of
      // the owner, which Release deletes when gRPC has sent the bytes.
      slices.emplace_back(const_cast<char*>(piece.bytes.data()), piece.bytes.size(), &Release,
                          new std::shared_ptr<const void>(piece.owner));
    }
  }
  return {slices.data(), slices.size()};
}

}  // namespace cdc
