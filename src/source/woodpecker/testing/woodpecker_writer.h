#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "source/woodpecker/woodpecker_meta.h"

namespace cdc {

// The metadata in memory.
class FakeWoodpeckerMeta : public WoodpeckerMeta {
 public:
  Result<std::optional<WoodpeckerLogMeta>> FindLog(const std::string& log,
                                                   const std::stop_token& stop) override;
  Result<std::optional<WoodpeckerSegmentMeta>> FindSegment(const std::string& log,
                                                           int64_t number,
                                                           const std::stop_token& stop) override;
  Result<std::vector<WoodpeckerSegmentMeta>> ListSegments(const std::string& log,
                                                          const std::stop_token& stop) override;

  void SetLog(const std::string& log, const WoodpeckerLogMeta& meta);
  void SetSegment(const std::string& log, const WoodpeckerSegmentMeta& segment);
  void RemoveSegment(const std::string& log, int64_t number);

  // How often it was asked for a log.
  int asked() const { return asked_; }

 private:
  struct Known {
    WoodpeckerLogMeta meta;
    std::map<int64_t, WoodpeckerSegmentMeta> segments;
  };

  std::atomic<int> asked_ = 0;
  Mutex mutex_;
  std::map<std::string, Known> logs_ CDC_GUARDED_BY(mutex_);
};

// Writes one log in Woodpecker's format, as far as its readers see it: for the tests of what no
// recorded file has. Numbers its segments and entries itself.
class WoodpeckerWriter {
 public:
  // Files go below `root`. `meta` must outlive it. `objects`: each block is a file of its own, as
  // in a bucket; then blocks are not written in parts.
  WoodpeckerWriter(std::filesystem::path root,
                   FakeWoodpeckerMeta* meta,
                   std::string log,
                   int64_t number,
                   bool objects = false);

  // One block with an entry for each value; its record has this payload and the property _v.
  void Write(const std::vector<std::string>& values);
  // The beginning of a block: all but its last `missing` bytes.
  void WritePart(const std::vector<std::string>& values, size_t missing);
  // Appends the index and the footer, as a writer does that closes its segment, or one that
  // recovers it. A block that was cut off is in the index if its header is whole.
  void Finish();
  // What the metadata says of the current segment from now on.
  void Close() { Close(next_entry_ - 1); }
  void Close(int64_t last_entry);
  void Roll();
  void Truncate(int64_t segment, int64_t entry);
  // Deletes the files of a truncated segment, and what the metadata says of it.
  void DeleteFiles(int64_t segment);
  void DeleteMeta(int64_t segment) { meta_->RemoveSegment(log_, segment); }
  // Changes a byte of the current segment.
  void Damage(int64_t offset);
  int64_t size() const { return size_; }

  std::filesystem::path folder(int64_t segment) const;
  int64_t segment() const { return segment_; }

 private:
  struct Block {
    int64_t offset = 0;
    int64_t size = 0;
    int64_t first = 0;
    int64_t last = 0;
    std::string data{};
  };

  std::string Encode(const Block& block, size_t number) const;
  std::string Footer(const std::vector<Block>& blocks) const;
  Block MakeBlock(const std::vector<std::string>& values);
  void Append(const std::string& bytes);
  void Put(const std::string& name, const std::string& bytes);

  const std::filesystem::path root_;
  FakeWoodpeckerMeta* const meta_;
  const std::string log_;
  const int64_t number_;
  const bool objects_;
  int64_t segment_ = 0;
  int64_t next_entry_ = 0;
  int64_t size_ = 0;
  std::map<int64_t, std::vector<Block>> blocks_;
};

// The value that an entry of the writer has.
std::string WoodpeckerEntry(const std::string& payload,
                            const std::vector<std::pair<std::string, std::string>>& properties);

}  // namespace cdc
