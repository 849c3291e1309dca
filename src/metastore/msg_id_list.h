#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"

namespace cdc {

// Message ids as one blob: for each its length (four bytes, little endian) and its bytes.
std::string EncodeMsgIds(const std::vector<MsgId>& ids);

// False if `blob` is malformed; `ids` then holds the ids read so far.
bool DecodeMsgIds(std::string_view blob, std::vector<MsgId>* ids);

}  // namespace cdc
