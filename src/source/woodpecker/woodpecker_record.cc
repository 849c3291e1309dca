#include "source/woodpecker/woodpecker_record.h"

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "wire/wire_reader.h"

namespace cdc {
namespace {

constexpr uint16_t kFormat = 5;
constexpr uint16_t kMerged = 1;
constexpr std::string_view kFileMagic("HDR\x01", 4);
constexpr std::string_view kFooterMagic("FTR\x01", 4);

template <class Number>
Number ReadNumber(std::string_view bytes, size_t at) {
  uint64_t number = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) {
    number |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  }
  return static_cast<Number>(number);
}

// CRC-32 of IEEE 802.3, eight bytes at a time: every byte of the log passes here twice.
constexpr size_t kSlices = 8;
using CrcTables = std::array<std::array<uint32_t, 256>, kSlices>;

constexpr CrcTables MakeCrcTables() {
  constexpr uint32_t kPolynomial = 0xEDB88320;
  CrcTables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
    }
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < kSlices; ++slice) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[slice - 1][byte];
      tables[slice][byte] = crc >> 8 ^ tables[0][crc & 0xFF];
    }
  }
  return tables;
}

uint32_t Crc32(std::string_view bytes) {
  static constexpr CrcTables kTables = MakeCrcTables();
  uint32_t crc = ~uint32_t{0};
  size_t at = 0;
  for (; bytes.size() - at >= kSlices; at += kSlices) {
    const uint64_t word = ReadNumber<uint64_t>(bytes, at) ^ crc;
    crc = 0;
    for (size_t slice = 0; slice < kSlices; ++slice) {
      crc ^= kTables[kSlices - 1 - slice][word >> (8 * slice) & 0xFF];
    }
  }
  for (; at < bytes.size(); ++at) {
    crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<unsigned char>(bytes[at])) & 0xFF];
  }
  return ~crc;
}

// The body of a whole record of this type; nullopt if it is anything else.
std::optional<std::string_view> BodyOf(std::string_view record, WoodpeckerRecordType type) {
  const auto taken = TakeWoodpeckerRecord(&record);
  if (!taken.ok() || !*taken || (*taken)->type != type || !record.empty()) {
    return std::nullopt;
  }
  return (*taken)->body;
}

Status UnknownFormat(uint16_t format) {
  return FailedPreconditionError("its format of Woodpecker is " + std::to_string(format) + ", " +
                                 std::to_string(kFormat) +
                                 " is known: a newer milvus-cdc may know it");
}

}  // namespace

Result<std::optional<WoodpeckerRecord>> TakeWoodpeckerRecord(std::string_view* bytes) {
  if (bytes->size() < kWoodpeckerRecordHeader) {
    return std::optional<WoodpeckerRecord>();
  }
  const size_t length = ReadNumber<uint32_t>(*bytes, 5);
  if (bytes->size() - kWoodpeckerRecordHeader < length) {
    return std::optional<WoodpeckerRecord>();
  }
  const std::string_view record = bytes->substr(0, kWoodpeckerRecordHeader + length);
  if (Crc32(record.substr(4)) != ReadNumber<uint32_t>(record, 0)) {
    return DataLossError("the checksum of a record is wrong");
  }
  bytes->remove_prefix(record.size());
  return std::optional(WoodpeckerRecord{.type = static_cast<WoodpeckerRecordType>(record[4]),
                                        .body = record.substr(kWoodpeckerRecordHeader)});
}

Status CheckWoodpeckerFileHeader(std::string_view record) {
  const auto body = BodyOf(record, WoodpeckerRecordType::kFileHeader);
  if (!body || body->size() != kWoodpeckerFileHeader - kWoodpeckerRecordHeader ||
      body->substr(12) != kFileMagic) {
    return DataLossError("it does not begin like a file of Woodpecker");
  }
  const auto format = ReadNumber<uint16_t>(*body, 0);
  return format == kFormat ? OkStatus() : UnknownFormat(format);
}

std::optional<WoodpeckerBlockHeader> ReadWoodpeckerBlockHeader(std::string_view record) {
  const auto body = BodyOf(record, WoodpeckerRecordType::kBlockHeader);
  if (!body || body->size() != kWoodpeckerBlockHeader - kWoodpeckerRecordHeader) {
    return std::nullopt;
  }
  const WoodpeckerBlockHeader header{.number = ReadNumber<int32_t>(*body, 0),
                                     .first_entry = ReadNumber<int64_t>(*body, 4),
                                     .last_entry = ReadNumber<int64_t>(*body, 12),
                                     .length = ReadNumber<uint32_t>(*body, 20),
                                     .checksum = ReadNumber<uint32_t>(*body, 24)};
  const bool possible = header.first_entry >= 0 && header.last_entry >= header.first_entry;
  return possible ? std::optional(header) : std::nullopt;
}

Result<std::vector<std::string_view>> ReadWoodpeckerBlock(const WoodpeckerBlockHeader& header,
                                                          std::string_view data) {
  if (data.size() != header.length || Crc32(data) != header.checksum) {
    return DataLossError("the checksum of a block is wrong");
  }
  std::vector<std::string_view> entries;
  while (!data.empty()) {
    CDC_ASSIGN_OR_RETURN(const std::optional<WoodpeckerRecord> record, TakeWoodpeckerRecord(&data));
    if (!record || record->type != WoodpeckerRecordType::kData) {
      return DataLossError("a block holds something other than entries");
    }
    entries.push_back(record->body);
  }
  if (static_cast<uint64_t>(header.last_entry) - static_cast<uint64_t>(header.first_entry) + 1 !=
      entries.size()) {
    return DataLossError("a block of the entries " + std::to_string(header.first_entry) + " to " +
                         std::to_string(header.last_entry) + " holds " +
                         std::to_string(entries.size()));
  }
  return entries;
}

Result<std::optional<WoodpeckerFooter>> ReadWoodpeckerFooter(std::string_view tail) {
  if (tail.size() < kWoodpeckerFooter) {
    return std::optional<WoodpeckerFooter>();
  }
  const auto body =
      BodyOf(tail.substr(tail.size() - kWoodpeckerFooter), WoodpeckerRecordType::kFooter);
  if (!body || body->size() != kWoodpeckerFooter - kWoodpeckerRecordHeader ||
      body->substr(32) != kFooterMagic) {
    return std::optional<WoodpeckerFooter>();
  }
  if (const auto format = ReadNumber<uint16_t>(*body, 28); format != kFormat) {
    return UnknownFormat(format);
  }
  const auto flags = ReadNumber<uint16_t>(*body, 30);
  if (flags > kMerged) {
    return FailedPreconditionError("a footer of Woodpecker has flags that are not known: " +
                                   std::to_string(flags));
  }
  return std::optional(WoodpeckerFooter{.blocks = ReadNumber<int32_t>(*body, 0),
                                        .index_offset = ReadNumber<int64_t>(*body, 16),
                                        .index_length = ReadNumber<uint32_t>(*body, 24),
                                        .merged = flags == kMerged});
}

Result<std::vector<WoodpeckerIndexEntry>> ReadWoodpeckerIndex(std::string_view bytes,
                                                              int64_t blocks) {
  if (blocks < 0 || bytes.size() != static_cast<uint64_t>(blocks) * kWoodpeckerIndex) {
    return DataLossError("the index of " + std::to_string(blocks) + " blocks has " +
                         std::to_string(bytes.size()) + " bytes");
  }
  std::vector<WoodpeckerIndexEntry> index;
  for (; !bytes.empty(); bytes.remove_prefix(kWoodpeckerIndex)) {
    const auto body = BodyOf(bytes.substr(0, kWoodpeckerIndex), WoodpeckerRecordType::kIndex);
    if (!body || body->size() != kWoodpeckerIndex - kWoodpeckerRecordHeader) {
      return DataLossError("the index is damaged");
    }
    index.push_back({.number = ReadNumber<int32_t>(*body, 0),
                     .offset = ReadNumber<int64_t>(*body, 4),
                     .size = ReadNumber<uint32_t>(*body, 12),
                     .first_entry = ReadNumber<int64_t>(*body, 16),
                     .last_entry = ReadNumber<int64_t>(*body, 24)});
  }
  return index;
}

LogRecord ReadWoodpeckerEntry(const WoodpeckerId& id, std::string_view entry) {
  constexpr const char* kUnknownVersion = "unknown";
  auto properties = std::make_shared<WalProperties>();
  properties->version = kUnknownVersion;
  std::string_view payload;
  WireReader layout(entry);
  while (layout.Next()) {
    if (layout.field() == 1) {
      payload = layout.bytes();
    }
    if (layout.field() != 2) {
      continue;
    }
    std::string_view key;
    std::string_view text;
    WireReader property(layout.bytes());
    while (property.Next()) {
      (property.field() == 1 ? key : text) = property.bytes();
    }
    for (const WalPropertyName& each : kWalPropertyNames) {
      if (key == each.name) {
        properties.get()->*each.property = text;
      }
    }
  }
  if (!layout.status().ok()) {
    properties->version = kUnknownVersion;
  }
  // A copy: whoever holds a tick for long must not hold a whole block.
  return {EncodeWoodpeckerId(id), Payload::Own(std::string(payload)), std::move(properties)};
}

std::vector<LogRecord> ReadWoodpeckerEntries(int64_t segment,
                                             const WoodpeckerBlockHeader& header,
                                             const std::vector<std::string_view>& entries,
                                             int64_t from) {
  std::vector<LogRecord> records;
  for (size_t i = 0; i < entries.size(); ++i) {
    const int64_t number = header.first_entry + static_cast<int64_t>(i);
    if (number >= from) {
      records.push_back(ReadWoodpeckerEntry({.segment = segment, .entry = number}, entries[i]));
    }
  }
  return records;
}

}  // namespace cdc
