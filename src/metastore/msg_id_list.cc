#include "metastore/msg_id_list.h"

#include <cstdint>

namespace cdc {
namespace {

constexpr size_t kLengthBytes = 4;

}  // namespace

std::string EncodeMsgIds(const std::vector<MsgId>& ids) {
  std::string blob;
  for (const MsgId& id : ids) {
    const auto length = static_cast<uint32_t>(id.bytes.size());
    for (size_t i = 0; i < kLengthBytes; ++i) {
      blob.push_back(static_cast<char>((length >> (8 * i)) & 0xff));
    }
    blob += id.bytes;
  }
  return blob;
}

bool DecodeMsgIds(std::string_view blob, std::vector<MsgId>* ids) {
  while (!blob.empty()) {
    if (blob.size() < kLengthBytes) {
      return false;
    }
    size_t length = 0;
    for (size_t i = 0; i < kLengthBytes; ++i) {
      length |= static_cast<size_t>(static_cast<unsigned char>(blob[i])) << (8 * i);
    }
    blob.remove_prefix(kLengthBytes);
    if (blob.size() < length) {
      return false;
    }
    ids->push_back(MsgId{std::string(blob.substr(0, length))});
    blob.remove_prefix(length);
  }
  return true;
}

}  // namespace cdc
