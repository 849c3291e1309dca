#include "source/woodpecker/testing/woodpecker_writer.h"

#include <fstream>

#include "source/woodpecker/woodpecker_record.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using State = WoodpeckerSegmentMeta::State;

template <class Number>
std::string Little(Number number) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(number); ++i) {
    bytes += static_cast<char>(static_cast<uint64_t>(number) >> (8 * i));
  }
  return bytes;
}

// Bit by bit, unlike the reader.
uint32_t SlowCrc32(const std::string& bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
    }
  }
  return ~crc;
}

std::string Record(WoodpeckerRecordType type, const std::string& body) {
  const std::string rest =
      Little(static_cast<uint8_t>(type)) + Little(static_cast<uint32_t>(body.size())) + body;
  return Little(SlowCrc32(rest)) + rest;
}

std::string FileHeader() {
  return Record(WoodpeckerRecordType::kFileHeader,
                Little(uint16_t{5}) + Little(uint16_t{0}) + Little(int64_t{0}) + "HDR\x01");
}

}  // namespace

Result<std::optional<WoodpeckerLogMeta>> FakeWoodpeckerMeta::FindLog(
    const std::string& log, const std::stop_token& /*stop*/) {
  ++asked_;
  MutexLock lock(mutex_);
  const auto at = logs_.find(log);
  return at == logs_.end() ? std::nullopt : std::optional(at->second.meta);
}

Result<std::optional<WoodpeckerSegmentMeta>> FakeWoodpeckerMeta::FindSegment(
    const std::string& log, int64_t number, const std::stop_token& /*stop*/) {
  MutexLock lock(mutex_);
  const auto& segments = logs_[log].segments;
  const auto at = segments.find(number);
  return at == segments.end() ? std::nullopt : std::optional(at->second);
}

Result<std::vector<WoodpeckerSegmentMeta>> FakeWoodpeckerMeta::ListSegments(
    const std::string& log, const std::stop_token& /*stop*/) {
  MutexLock lock(mutex_);
  std::vector<WoodpeckerSegmentMeta> segments;
  for (const auto& [number, segment] : logs_[log].segments) {
    segments.push_back(segment);
  }
  return segments;
}

void FakeWoodpeckerMeta::SetLog(const std::string& log, const WoodpeckerLogMeta& meta) {
  MutexLock lock(mutex_);
  logs_[log].meta = meta;
}

void FakeWoodpeckerMeta::SetSegment(const std::string& log, const WoodpeckerSegmentMeta& segment) {
  MutexLock lock(mutex_);
  logs_[log].segments[segment.number] = segment;
}

void FakeWoodpeckerMeta::RemoveSegment(const std::string& log, int64_t number) {
  MutexLock lock(mutex_);
  logs_[log].segments.erase(number);
}

std::string WoodpeckerEntry(const std::string& payload,
                            const std::vector<std::pair<std::string, std::string>>& properties) {
  std::string entry;
  wire::AppendBytesField(1, payload, &entry);
  for (const auto& [key, value] : properties) {
    std::string property;
    wire::AppendBytesField(1, key, &property);
    wire::AppendBytesField(2, value, &property);
    wire::AppendBytesField(2, property, &entry);
  }
  return entry;
}

WoodpeckerWriter::WoodpeckerWriter(std::filesystem::path root,
                                   FakeWoodpeckerMeta* meta,
                                   std::string log,
                                   int64_t number,
                                   bool objects)
    : root_(std::move(root)),
      meta_(meta),
      log_(std::move(log)),
      number_(number),
      objects_(objects) {
  meta_->SetLog(log_, {.number = number_, .truncated = {.segment = -1, .entry = -1}});
  meta_->SetSegment(log_, {.number = 0});
}

std::filesystem::path WoodpeckerWriter::folder(int64_t segment) const {
  return root_ / std::to_string(number_) / std::to_string(segment);
}

void WoodpeckerWriter::Write(const std::vector<std::string>& values) {
  WritePart(values, 0);
  next_entry_ += static_cast<int64_t>(values.size());
}

void WoodpeckerWriter::WritePart(const std::vector<std::string>& values, size_t missing) {
  std::vector<Block>& blocks = blocks_[segment_];
  Block block = MakeBlock(values);
  const std::string bytes = Encode(block, blocks.size());
  if (objects_) {
    Put(std::to_string(blocks.size()) + ".blk", (blocks.empty() ? FileHeader() : "") + bytes);
    block.size = static_cast<int64_t>(bytes.size());
    blocks.push_back(std::move(block));
    return;
  }
  if (size_ == 0) {
    Append(FileHeader());
  }
  block.offset = size_;
  Append(bytes.substr(0, bytes.size() - missing));
  block.size = size_ - block.offset;
  if (block.size >= static_cast<int64_t>(kWoodpeckerBlockHeader)) {
    blocks.push_back(std::move(block));
  }
}

WoodpeckerWriter::Block WoodpeckerWriter::MakeBlock(const std::vector<std::string>& values) {
  Block block{.first = next_entry_, .last = next_entry_ + static_cast<int64_t>(values.size()) - 1};
  for (const std::string& value : values) {
    block.data +=
        Record(WoodpeckerRecordType::kData, WoodpeckerEntry(value, {{"_t", "1"}, {"_v", "2"}}));
  }
  return block;
}

std::string WoodpeckerWriter::Encode(const Block& block, size_t number) const {
  return Record(WoodpeckerRecordType::kBlockHeader,
                Little(static_cast<int32_t>(number)) + Little(block.first) + Little(block.last) +
                    Little(static_cast<uint32_t>(block.data.size())) +
                    Little(SlowCrc32(block.data))) +
         block.data;
}

std::string WoodpeckerWriter::Footer(const std::vector<Block>& blocks) const {
  std::string bytes;
  int32_t number = 0;
  for (const Block& block : blocks) {
    bytes += Record(WoodpeckerRecordType::kIndex, Little(number++) + Little(block.offset) +
                                                      Little(static_cast<uint32_t>(block.size)) +
                                                      Little(block.first) + Little(block.last));
  }
  const auto count = static_cast<int32_t>(blocks.size());
  const auto length = static_cast<uint32_t>(bytes.size());
  return bytes +
         Record(WoodpeckerRecordType::kFooter,
                Little(count) + Little(count) + Little(size_ + int64_t{length}) + Little(size_) +
                    Little(length) + Little(uint16_t{5}) + Little(uint16_t{0}) + "FTR\x01");
}

void WoodpeckerWriter::Finish() {
  if (objects_) {
    Put("footer.blk", Footer(blocks_[segment_]));
    return;
  }
  if (size_ == 0) {
    Append(FileHeader());
  }
  Append(Footer(blocks_[segment_]));
}

void WoodpeckerWriter::Close(int64_t last_entry) {
  meta_->SetSegment(log_,
                    {.number = segment_, .state = State::kCompleted, .last_entry = last_entry});
}

void WoodpeckerWriter::Roll() {
  ++segment_;
  next_entry_ = size_ = 0;
  meta_->SetSegment(log_, {.number = segment_});
}

void WoodpeckerWriter::Truncate(int64_t segment, int64_t entry) {
  meta_->SetLog(log_, {.number = number_, .truncated = {.segment = segment, .entry = entry}});
  for (int64_t number = 0; number < segment; ++number) {
    const auto found = *meta_->FindSegment(log_, number, {});
    if (found) {
      meta_->SetSegment(
          log_, {.number = number, .state = State::kTruncated, .last_entry = found->last_entry});
    }
  }
}

void WoodpeckerWriter::DeleteFiles(int64_t segment) {
  std::filesystem::remove_all(folder(segment));
}

void WoodpeckerWriter::Damage(int64_t offset) {
  std::fstream stream(folder(segment_) / "data.log",
                      std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(offset);
  const auto byte = static_cast<char>(stream.get() ^ 1);
  stream.seekp(offset);
  stream.put(byte);
}

void WoodpeckerWriter::Append(const std::string& bytes) {
  std::filesystem::create_directories(folder(segment_));
  std::ofstream(folder(segment_) / "data.log", std::ios::binary | std::ios::app) << bytes;
  size_ += static_cast<int64_t>(bytes.size());
}

void WoodpeckerWriter::Put(const std::string& name, const std::string& bytes) {
  std::filesystem::create_directories(folder(segment_));
  // An object is there as a whole or not at all.
  const auto part = folder(segment_) / (name + ".part");
  std::ofstream(part, std::ios::binary) << bytes;
  std::filesystem::rename(part, folder(segment_) / name);
}

}  // namespace cdc
