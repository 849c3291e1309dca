#pragma once

#include <cstdint>
#include <string_view>

namespace cdc {

// How Milvus spreads rows: the hash of the primary key modulo the number of shards is the index of
// the row's vchannel, and that of the partition key modulo the number of partitions the number at
// the end of the partition's name.

// MurmurHash3 (x86, 32 bits, seed 0) of the eight bytes, without the highest bit.
uint32_t HashKey(int64_t key);

// CRC-32 (IEEE) of at most the first 100 bytes.
uint32_t HashKey(std::string_view key);

}  // namespace cdc
