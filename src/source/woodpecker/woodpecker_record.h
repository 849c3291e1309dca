#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "source/log.h"
#include "source/woodpecker/woodpecker_id.h"

namespace cdc {

// The records of Woodpecker's files, format 5. Numbers are little-endian:
//
//   record: checksum (4, CRC-32 of the rest) type (1) length (4) body
//   block:  record kBlockHeader, then a record kData for each entry
//   file:   record kFileHeader, blocks; when it is closed: a record kIndex for each block, kFooter
//
// As objects, each block is one, the first with the kFileHeader before it; kIndex and kFooter are
// another.
//
// All views point into the bytes that were given.
enum class WoodpeckerRecordType : uint8_t {
  kFileHeader = 1,
  kData = 2,
  kIndex = 3,
  kFooter = 4,
  kBlockHeader = 5,
};

inline constexpr size_t kWoodpeckerRecordHeader = 9;
// Whole records.
inline constexpr size_t kWoodpeckerFileHeader = kWoodpeckerRecordHeader + 16;
inline constexpr size_t kWoodpeckerBlockHeader = kWoodpeckerRecordHeader + 28;
inline constexpr size_t kWoodpeckerIndex = kWoodpeckerRecordHeader + 32;
inline constexpr size_t kWoodpeckerFooter = kWoodpeckerRecordHeader + 36;

struct WoodpeckerRecord {
  WoodpeckerRecordType type{};
  std::string_view body;
};

// Takes the record at the beginning of `bytes` off it. nullopt: they end within it. kDataLoss: its
// checksum is wrong.
Result<std::optional<WoodpeckerRecord>> TakeWoodpeckerRecord(std::string_view* bytes);

// Checks the record at the beginning of a file. kFailedPrecondition: a format that is not known.
// kDataLoss: no such record.
Status CheckWoodpeckerFileHeader(std::string_view record);

struct WoodpeckerBlockHeader {
  int32_t number = 0;
  int64_t first_entry = 0;
  int64_t last_entry = 0;
  uint32_t length = 0;  // of the data that follows
  uint32_t checksum = 0;
};

// nullopt: not a block's header, or a damaged one.
std::optional<WoodpeckerBlockHeader> ReadWoodpeckerBlockHeader(std::string_view record);

// The entries in the data of a block. kDataLoss: it does not fit its header.
Result<std::vector<std::string_view>> ReadWoodpeckerBlock(const WoodpeckerBlockHeader& header,
                                                          std::string_view data);

struct WoodpeckerIndexEntry {
  int64_t number = 0;
  int64_t offset = 0;  // of the block's header
  int64_t size = 0;
  int64_t first_entry = 0;
  int64_t last_entry = 0;
};

struct WoodpeckerFooter {
  int64_t blocks = 0;
  int64_t index_offset = 0;
  int64_t index_length = 0;
  bool merged = false;  // its blocks, in objects, were merged into others
};

// nullopt: there is no footer at the end of these bytes. kFailedPrecondition: one of a format that
// is not known.
Result<std::optional<WoodpeckerFooter>> ReadWoodpeckerFooter(std::string_view tail);

// The index of `blocks` blocks, in their order. kDataLoss: it is not one.
Result<std::vector<WoodpeckerIndexEntry>> ReadWoodpeckerIndex(std::string_view bytes,
                                                              int64_t blocks);

// Takes a LogMessageLayout apart, {1: payload, 2: properties}. One without a version gets one that
// nobody knows.
LogRecord ReadWoodpeckerEntry(const WoodpeckerId& id, std::string_view entry);

// Those of a block, from the entry `from` on.
std::vector<LogRecord> ReadWoodpeckerEntries(int64_t segment,
                                             const WoodpeckerBlockHeader& header,
                                             const std::vector<std::string_view>& entries,
                                             int64_t from);

}  // namespace cdc
