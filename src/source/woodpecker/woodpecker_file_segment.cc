#include <algorithm>
#include <utility>

#include "source/woodpecker/woodpecker_record.h"
#include "source/woodpecker/woodpecker_segment.h"

namespace cdc {
namespace {

using Kind = WoodpeckerRead::Kind;

Result<std::string> ReadBytes(StorageFile& file, int64_t offset, size_t size) {
  std::string bytes(size, '\0');
  CDC_RETURN_IF_ERROR(file.ReadAt(offset, static_cast<int64_t>(size), bytes.data()));
  return bytes;
}

class WoodpeckerFileSegment final : public WoodpeckerSegment {
 public:
  WoodpeckerFileSegment(Storage* storage, int64_t log, int64_t segment)
      : storage_(storage),
        segment_(segment),
        path_(std::to_string(log) + "/" + std::to_string(segment) + "/data.log") {}

  Result<WoodpeckerRead> Read(int64_t entry, bool closed) override {
    CDC_ASSIGN_OR_RETURN(const auto file, storage_->Open(path_));
    auto read = ReadFrom(*file, entry, closed);
    CDC_RETURN_IF_ERROR(read.status().WithContext("file " + path_));
    return read;
  }

  Result<std::optional<int64_t>> Newest() override {
    CDC_ASSIGN_OR_RETURN(const auto file, storage_->Open(path_));
    std::optional<int64_t> newest;
    for (int64_t at = kWoodpeckerFileHeader; true;) {
      CDC_ASSIGN_OR_RETURN(const std::optional<WoodpeckerBlockHeader> header, HeaderAt(*file, at));
      if (!header || EndOf(at, *header) > file->size()) {
        return newest;
      }
      // Only the last block can be one that is still being written.
      if (EndOf(at, *header) == file->size()) {
        CDC_ASSIGN_OR_RETURN(const std::string data,
                             ReadBytes(*file, at + kHeaderSize, header->length));
        if (!ReadWoodpeckerBlock(*header, data).ok()) {
          return newest;
        }
      }
      newest = header->last_entry;
      at = EndOf(at, *header);
    }
  }

 private:
  static constexpr int64_t kHeaderSize = kWoodpeckerBlockHeader;

  static int64_t EndOf(int64_t offset, const WoodpeckerBlockHeader& header) {
    return offset + kHeaderSize + header.length;
  }

  // The header of the block at `offset`; nullopt: there is no whole one.
  static Result<std::optional<WoodpeckerBlockHeader>> HeaderAt(StorageFile& file, int64_t offset) {
    if (file.size() - offset < kHeaderSize) {
      return std::optional<WoodpeckerBlockHeader>();
    }
    CDC_ASSIGN_OR_RETURN(const std::string record, ReadBytes(file, offset, kWoodpeckerBlockHeader));
    return ReadWoodpeckerBlockHeader(record);
  }

  Result<WoodpeckerRead> ReadFrom(StorageFile& file, int64_t entry, bool closed) {
    if (offset_ == 0) {
      if (file.size() < static_cast<int64_t>(kWoodpeckerFileHeader)) {
        return WoodpeckerRead{.kind = closed ? Kind::kEnd : Kind::kNothing};
      }
      CDC_ASSIGN_OR_RETURN(const std::string header, ReadBytes(file, 0, kWoodpeckerFileHeader));
      CDC_RETURN_IF_ERROR(CheckWoodpeckerFileHeader(header));
      offset_ = kWoodpeckerFileHeader;
    }
    while (true) {
      CDC_ASSIGN_OR_RETURN(const std::optional<WoodpeckerBlockHeader> header,
                           HeaderAt(file, offset_));
      if (!header || EndOf(offset_, *header) > file.size()) {
        return NoWholeBlock(file, closed);
      }
      if (header->last_entry < entry) {
        offset_ = EndOf(offset_, *header);
        continue;
      }
      CDC_ASSIGN_OR_RETURN(const std::string data,
                           ReadBytes(file, offset_ + kHeaderSize, header->length));
      const auto entries = ReadWoodpeckerBlock(*header, data);
      if (!entries.ok()) {
        return Damaged(file, *header, closed, entries.status());
      }
      offset_ = EndOf(offset_, *header);
      return WoodpeckerRead{.kind = Kind::kRecords,
                            .records = ReadWoodpeckerEntries(segment_, *header, *entries, entry)};
    }
  }

  // What it means that the block at the offset is not what its header says.
  Result<WoodpeckerRead> Damaged(StorageFile& file,
                                 const WoodpeckerBlockHeader& header,
                                 bool closed,
                                 const Status& damage) {
    if (EndOf(offset_, header) == file.size() && !closed) {
      return WoodpeckerRead{};  // the last bytes of a file that grows may not be there yet
    }
    CDC_ASSIGN_OR_RETURN(const std::optional<WoodpeckerFooter> footer, FooterOf(file));
    // What looks like the rest of a block that was cut off may be the index behind it.
    if (footer && CheckCutOff(file, *footer).ok()) {
      return WoodpeckerRead{.kind = Kind::kEnd, .cut_off = true};
    }
    const std::string where = "block at byte " + std::to_string(offset_);
    // Its writer may be about to write it once more.
    return footer || closed ? damage.WithContext(where)
                            : UnavailableError(where + " of an open segment: " + damage.message());
  }

  static Result<std::optional<WoodpeckerFooter>> FooterOf(StorageFile& file) {
    const auto size = std::min<int64_t>(file.size(), kWoodpeckerFooter);
    CDC_ASSIGN_OR_RETURN(const std::string tail,
                         ReadBytes(file, file.size() - size, static_cast<size_t>(size)));
    return ReadWoodpeckerFooter(tail);
  }

  // What it means that there is no whole block at the offset.
  Result<WoodpeckerRead> NoWholeBlock(StorageFile& file, bool closed) {
    CDC_ASSIGN_OR_RETURN(const std::optional<WoodpeckerFooter> footer, FooterOf(file));
    if (!footer) {
      // Only an index says what was cut off. Without one, the metadata says what is missing.
      return WoodpeckerRead{.kind = closed ? Kind::kEnd : Kind::kNothing};
    }
    if (offset_ == footer->index_offset) {
      return WoodpeckerRead{.kind = Kind::kEnd};
    }
    CDC_RETURN_IF_ERROR(CheckCutOff(file, *footer));
    return WoodpeckerRead{.kind = Kind::kEnd, .cut_off = true};
  }

  // When a writer has died within a block, the index that another one appends has that block with
  // the size of what is left of it, or not at all. No other block may be behind the offset.
  Status CheckCutOff(StorageFile& file, const WoodpeckerFooter& footer) {
    if (footer.index_offset < offset_ || footer.index_length < 0 ||
        footer.index_offset > file.size() - footer.index_length) {
      return DataLossError("its footer does not fit it");
    }
    CDC_ASSIGN_OR_RETURN(
        const std::string bytes,
        ReadBytes(file, footer.index_offset, static_cast<size_t>(footer.index_length)));
    CDC_ASSIGN_OR_RETURN(const auto index, ReadWoodpeckerIndex(bytes, footer.blocks));
    CDC_ASSIGN_OR_RETURN(const std::optional<WoodpeckerBlockHeader> header,
                         HeaderAt(file, offset_));
    for (const WoodpeckerIndexEntry& block : index) {
      const bool is_cut =
          block.offset == offset_ && header && block.offset + block.size < EndOf(offset_, *header);
      if (block.offset >= offset_ && !is_cut) {
        return DataLossError("the block at byte " + std::to_string(offset_) + " is damaged");
      }
    }
    return OkStatus();
  }

  Storage* const storage_;
  const int64_t segment_;
  const std::string path_;
  int64_t offset_ = 0;  // of the next block; 0: before the header of the file
};

}  // namespace

std::unique_ptr<WoodpeckerSegment> NewWoodpeckerFileSegment(Storage* storage,
                                                            int64_t log,
                                                            int64_t segment) {
  return std::make_unique<WoodpeckerFileSegment>(storage, log, segment);
}

}  // namespace cdc
