#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "source/woodpecker/woodpecker_record.h"
#include "source/woodpecker/woodpecker_segment.h"

namespace cdc {
namespace {

using Kind = WoodpeckerRead::Kind;

// Merging replaces a segment's objects once, so a second look finds what the first one missed.
constexpr int kObjectLooks = 3;

// The object that another writer puts in the place of the next block, so that the one before it
// cannot write it any more.
constexpr std::string_view kFence = "F";

// What is left of an object behind the header of a file, with which the first one begins.
Result<std::string_view> WithoutFileHeader(std::string_view bytes) {
  const bool first =
      bytes.size() > kWoodpeckerRecordHeader &&
      static_cast<WoodpeckerRecordType>(bytes[4]) == WoodpeckerRecordType::kFileHeader;
  if (first) {
    CDC_RETURN_IF_ERROR(CheckWoodpeckerFileHeader(bytes.substr(0, kWoodpeckerFileHeader)));
    bytes.remove_prefix(kWoodpeckerFileHeader);
  }
  return bytes;
}

class WoodpeckerObjectSegment final : public WoodpeckerSegment {
 public:
  WoodpeckerObjectSegment(Storage* storage, int64_t log, int64_t segment)
      : storage_(storage),
        segment_(segment),
        folder_(std::to_string(log) + "/" + std::to_string(segment)) {}

  Result<WoodpeckerRead> Read(int64_t entry, bool closed) override {
    if (closed && !index_) {
      CDC_ASSIGN_OR_RETURN(index_, FindIndex());
    }
    if (index_) {
      return ReadIndexed(*index_, entry);
    }
    Result<WoodpeckerRead> read = ReadInOrder(entry, closed);
    const bool ended =
        read.ok() ? read->kind == Kind::kEnd : read.status().code() == StatusCode::kNotFound;
    if (closed && ended) {
      // Its blocks may have been merged since the index was looked for.
      CDC_ASSIGN_OR_RETURN(index_, FindIndex());
      if (index_) {
        return ReadIndexed(*index_, entry);
      }
    }
    return read;
  }

  Result<std::optional<int64_t>> Newest() override {
    Status missing;
    for (int look = 0; look < kObjectLooks; ++look) {
      CDC_ASSIGN_OR_RETURN(const std::optional<Index> index, FindIndex());
      if (index) {
        return index->blocks.empty() ? std::nullopt
                                     : std::optional(index->blocks.back().last_entry);
      }
      Result<std::optional<int64_t>> newest = NewestInOrder();
      if (newest.status().code() != StatusCode::kNotFound) {
        return newest;
      }
      missing = newest.status();  // the segment was closed and merged meanwhile
    }
    return UnavailableError(missing.message());
  }

 private:
  // What the object footer.blk says.
  struct Index {
    bool merged = false;
    std::vector<WoodpeckerIndexEntry> blocks;
  };

  std::string PathOf(int64_t number, bool merged) const {
    return folder_ + (merged ? "/m_" : "/") + std::to_string(number) + ".blk";
  }

  // At most `most` bytes from the beginning of an object.
  Result<std::string> Get(const std::string& path, int64_t most) {
    CDC_ASSIGN_OR_RETURN(const auto file, storage_->Open(path));
    std::string bytes(static_cast<size_t>(std::min(file->size(), most)), '\0');
    CDC_RETURN_IF_ERROR(file->ReadAt(0, static_cast<int64_t>(bytes.size()), bytes.data()));
    return bytes;
  }

  // nullopt: there is none.
  Result<std::optional<Index>> FindIndex() {
    const std::string path = folder_ + "/footer.blk";
    Status damage;
    // Its size and its bytes are two questions, and it may be replaced between them.
    for (int look = 0; look < kObjectLooks; ++look) {
      Result<Index> index = GetIndex(path);
      if (index.ok()) {
        return std::optional(*std::move(index));
      }
      if (index.status().code() == StatusCode::kNotFound) {
        return std::optional<Index>();
      }
      damage = index.status();
      if (damage.code() != StatusCode::kDataLoss) {
        break;
      }
    }
    return damage.WithContext("object " + path);
  }

  Result<Index> GetIndex(const std::string& path) {
    CDC_ASSIGN_OR_RETURN(const std::string bytes, Get(path, kMostBytes));
    CDC_ASSIGN_OR_RETURN(const std::optional<WoodpeckerFooter> footer, ReadWoodpeckerFooter(bytes));
    if (!footer || footer->index_offset < 0 || footer->index_length < 0 ||
        static_cast<uint64_t>(footer->index_length) + kWoodpeckerFooter != bytes.size()) {
      return DataLossError("it is not the footer of a segment");
    }
    const std::string_view index =
        std::string_view(bytes).substr(0, static_cast<size_t>(footer->index_length));
    Index found{.merged = footer->merged, .blocks = {}};
    CDC_ASSIGN_OR_RETURN(found.blocks, ReadWoodpeckerIndex(index, footer->blocks));
    return found;
  }

  // `index` may be replaced.
  Result<WoodpeckerRead> ReadIndexed(const Index& index, int64_t entry) {
    Result<WoodpeckerRead> read = ReadFromIndex(index, entry);
    const StatusCode code = read.status().code();
    if (code != StatusCode::kNotFound && code != StatusCode::kDataLoss) {
      return read;
    }
    // The index may be of the time before the blocks were merged.
    const Status first = read.status();
    CDC_ASSIGN_OR_RETURN(index_, FindIndex());
    if (!index_) {
      return first;
    }
    read = ReadFromIndex(*index_, entry);
    if (read.status().code() == StatusCode::kNotFound) {
      return WoodpeckerRead{.kind = Kind::kEnd};  // the metadata says what that means
    }
    return read;
  }

  Result<WoodpeckerRead> ReadFromIndex(const Index& index, int64_t entry) {
    const auto at =
        std::ranges::lower_bound(index.blocks, entry, {}, &WoodpeckerIndexEntry::last_entry);
    if (at == index.blocks.end()) {
      return WoodpeckerRead{.kind = Kind::kEnd};
    }
    const std::string path = PathOf(at->number, index.merged);
    CDC_ASSIGN_OR_RETURN(const std::string bytes, Get(path, kMostBytes));
    Result<WoodpeckerRead> read = ReadBlock(bytes, at->number, entry);
    CDC_RETURN_IF_ERROR(read.status().WithContext("object " + path));
    if (read->records.empty()) {
      return DataLossError("object " + path + ": it does not hold what the index says");
    }
    return read;
  }

  // Without an index: block by block.
  Result<WoodpeckerRead> ReadInOrder(int64_t entry, bool closed) {
    if (block_ == 0 && entry > 0 && !closed) {
      const Status sought = Seek(entry);
      if (sought.code() == StatusCode::kNotFound) {
        return WoodpeckerRead{};  // not begun yet, or merged a moment ago, after it was closed
      }
      CDC_RETURN_IF_ERROR(sought);
    }
    while (true) {
      const std::string path = PathOf(block_, false);
      const Result<std::string> bytes = Get(path, kMostBytes);
      if (bytes.status().code() == StatusCode::kNotFound && closed && block_ == 0) {
        return bytes.status();
      }
      if (bytes.status().code() == StatusCode::kNotFound || (bytes.ok() && *bytes == kFence)) {
        return WoodpeckerRead{.kind = closed ? Kind::kEnd : Kind::kNothing};
      }
      CDC_RETURN_IF_ERROR(bytes.status());
      Result<WoodpeckerRead> read = ReadBlock(*bytes, block_, entry);
      if (read.status().code() == StatusCode::kDataLoss && !closed) {
        return UnavailableError("object " + path +
                                " of an open segment: " + read.status().message());
      }
      CDC_RETURN_IF_ERROR(read.status().WithContext("object " + path));
      ++block_;
      if (!read->records.empty()) {
        return read;
      }
    }
  }

  // The entries of the block from `entry` on; it may have none of them.
  Result<WoodpeckerRead> ReadBlock(std::string_view bytes, int64_t number, int64_t entry) const {
    CDC_ASSIGN_OR_RETURN(std::string_view rest, WithoutFileHeader(bytes));
    const auto header = ReadWoodpeckerBlockHeader(rest.substr(0, kWoodpeckerBlockHeader));
    if (!header || header->number != number) {
      return DataLossError("it does not begin like the block " + std::to_string(number));
    }
    rest.remove_prefix(kWoodpeckerBlockHeader);
    CDC_ASSIGN_OR_RETURN(const auto entries, ReadWoodpeckerBlock(*header, rest));
    return WoodpeckerRead{.kind = Kind::kRecords,
                          .records = ReadWoodpeckerEntries(segment_, *header, entries, entry)};
  }

  // The header of a block; nullopt: there is a fence in its place. kNotFound: nothing is.
  Result<std::optional<WoodpeckerBlockHeader>> HeaderOf(int64_t number) {
    const std::string path = PathOf(number, false);
    CDC_ASSIGN_OR_RETURN(const std::string bytes,
                         Get(path, kWoodpeckerFileHeader + kWoodpeckerBlockHeader));
    if (bytes == kFence) {
      return std::optional<WoodpeckerBlockHeader>();
    }
    const Result<std::string_view> rest = WithoutFileHeader(bytes);
    CDC_RETURN_IF_ERROR(rest.status().WithContext("object " + path));
    auto header = ReadWoodpeckerBlockHeader(rest->substr(0, kWoodpeckerBlockHeader));
    if (!header) {
      return DataLossError("object " + path + ": it does not begin like a block");
    }
    return header;
  }

  // How many blocks there are without a gap. Blocks are written at the same time; those behind a
  // gap are not acknowledged before it is filled.
  Result<int64_t> CountBlocks() {
    CDC_ASSIGN_OR_RETURN(const std::vector<std::string> names, storage_->List(folder_));
    const std::set<std::string> there(names.begin(), names.end());
    int64_t count = 0;
    while (there.contains(std::to_string(count) + ".blk")) {
      ++count;
    }
    return count;
  }

  // Moves to the first block that ends at or behind `entry`. kNotFound: a block is gone, or there
  // is none.
  Status Seek(int64_t entry) {
    CDC_ASSIGN_OR_RETURN(const int64_t count, CountBlocks());
    CDC_RETURN_IF_ERROR(HeaderOf(0).status());  // its format
    int64_t low = 0;
    for (int64_t high = count; low < high;) {
      const int64_t middle = low + (high - low) / 2;
      CDC_ASSIGN_OR_RETURN(const auto header, HeaderOf(middle));
      if (header && header->last_entry < entry) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    block_ = low;
    return OkStatus();
  }

  // For the moment between a fence and the index, what is behind the fence counts, too.
  Result<std::optional<int64_t>> NewestInOrder() {
    CDC_ASSIGN_OR_RETURN(const int64_t count, CountBlocks());
    for (int64_t number = count - 1; number >= 0; --number) {
      CDC_ASSIGN_OR_RETURN(const auto header, HeaderOf(number));
      if (header) {
        return std::optional(header->last_entry);
      }
    }
    return std::optional<int64_t>();
  }

  static constexpr int64_t kMostBytes = int64_t{1} << 31;

  Storage* const storage_;
  const int64_t segment_;
  const std::string folder_;
  int64_t block_ = 0;           // the next one, as long as there is no index
  std::optional<Index> index_;  // of a segment that is closed
};

}  // namespace

std::unique_ptr<WoodpeckerSegment> NewWoodpeckerObjectSegment(Storage* storage,
                                                              int64_t log,
                                                              int64_t segment) {
  return std::make_unique<WoodpeckerObjectSegment>(storage, log, segment);
}

}  // namespace cdc
