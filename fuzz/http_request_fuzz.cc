// Bytes of an HTTP connection.
//
// Input: what a client sends. It is read in one piece and in small ones, and must hold the same
// requests.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.h"
#include "http/message.h"
#include "http/request_parser.h"

namespace cdc {
namespace {

using Progress = RequestParser::Progress;

constexpr RequestLimits kLimits{.header_bytes = 512, .body_bytes = 256};

// All requests. What is refused may be noticed at one byte or at another: Beast looks at the
// extension of a chunk again with each piece.
std::string Read(std::string_view bytes, size_t piece) {
  RequestParser parser(kLimits);
  std::string text;
  while (!bytes.empty() && parser.progress() != Progress::kRefused) {
    const std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    parser.Feed(part);
    parser.TakeExpectation();
    while (parser.progress() == Progress::kComplete) {
      const HttpRequest request = parser.TakeRequest();
      FUZZ_EXPECT(!request.method.empty(), "");
      FUZZ_EXPECT(request.body.size() <= kLimits.body_bytes, request.body);
      FUZZ_EXPECT(request.method.size() + request.path.size() <= kLimits.header_bytes, "");
      for (const HttpHeader& header : request.headers) {
        text += header.name + '=' + header.value + '\n';
      }
      text += request.method + '\n' + request.path + '\n' + request.query + '\n' + request.body +
              '\n' + (parser.keep_alive() ? "keep\n" : "close\n");
      parser.Next();
    }
    FUZZ_EXPECT(parser.progress() == Progress::kRefused ||
                    parser.buffered_bytes() <= kLimits.header_bytes + kLimits.body_bytes + piece,
                "");
  }
  if (parser.progress() != Progress::kRefused) {
    parser.End();
  }
  if (parser.progress() == Progress::kRefused) {
    const RequestParser::Refusal& refusal = parser.refusal();
    FUZZ_EXPECT(refusal.status >= 400 && refusal.status <= 501, "");
    FUZZ_EXPECT(!refusal.reason.empty() && refusal.reason.size() <= fuzz::kMaxErrorBytes, "");
  }
  return text;
}

}  // namespace
}  // namespace cdc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): libFuzzer's bytes are text here.
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = cdc::Read(bytes, size);
  for (const size_t piece : {size_t{1}, size_t{5}, size_t{64}}) {
    const std::string cut = cdc::Read(bytes, piece);
    FUZZ_EXPECT(cut == whole, whole + " but in pieces: " + cut);
  }
  return 0;
}
