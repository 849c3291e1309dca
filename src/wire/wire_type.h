#pragma once

#include <cstdint>

namespace cdc {

// How the content of a field is encoded.
enum class WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

}  // namespace cdc
