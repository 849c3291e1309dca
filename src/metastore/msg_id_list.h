#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"

namespace cdc {

// Message ids as one blob: each is its length (four bytes, little endian) and its bytes.
std::string EncodeMsgIds(const std::vector<MsgId>& ids);

// False if `blob` is no such blob; `ids` then holds what could be read.
bool DecodeMsgIds(std::string_view blob, std::vector<MsgId>* ids);

}  // namespace cdc
