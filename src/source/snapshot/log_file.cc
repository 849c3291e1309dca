#include "source/snapshot/log_file.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

namespace cdc {
namespace {

constexpr uint32_t kMagic = 0x00fffabc;
constexpr int64_t kMagicBytes = 4;
// Of an event: time of writing 8, type 1, length 4, position of the next event 4.
constexpr int64_t kHeaderBytes = 17;
// Of a descriptor, after the header: ids 4 * 8, times 2 * 8, type 4, lengths of post headers 8,
// length of the JSON document behind it 4.
constexpr int64_t kDescriptorBytes = 64;
// Of a data event, after the header: times 2 * 8.
constexpr int64_t kDataBytes = 16;
// The JSON document has about 30 bytes, and a key if the file is encrypted.
constexpr int64_t kMaxExtraBytes = 64 << 10;
constexpr std::string_view kParquetMagic = "PAR1";
constexpr uint32_t kParquetNumber = 0x31524150;  // the same, little-endian

enum class EventType : uint8_t { kDescriptor = 0, kInsert = 1, kDelete = 2 };

struct Event {
  EventType type = EventType::kDescriptor;
  int64_t end = 0;
};

Status AtByte(const std::string& what, int64_t offset) {
  return DataLossError(what + " at byte " + std::to_string(offset));
}

// Walks the frame.
class FrameReader {
 public:
  explicit FrameReader(StorageFile& file) : file_(file) {}

  int64_t at() const { return at_; }
  bool AtEnd() const { return at_ == file_.size(); }
  void SkipTo(int64_t offset) { at_ = offset; }

  template <class Int>
  Status Read(Int* value) {
    std::array<char, sizeof(Int)> bytes{};
    CDC_RETURN_IF_ERROR(ReadBytes(sizeof(Int), bytes.data()));
    uint64_t number = 0;
    for (size_t i = sizeof(Int); i > 0; --i) {
      number = number << 8 | static_cast<unsigned char>(bytes[i - 1]);
    }
    *value = static_cast<Int>(number);
    return OkStatus();
  }

  Status ReadText(int64_t size, std::string* text) {
    text->resize(static_cast<size_t>(size));
    return ReadBytes(size, text->data());
  }

  Status ReadEvent(Event* event) {
    const int64_t begin = at_;
    uint64_t written = 0;
    uint8_t type = 0;
    int32_t length = 0;
    int32_t next = 0;  // -1 in files of later versions: the length is what counts
    CDC_RETURN_IF_ERROR(Read(&written));
    CDC_RETURN_IF_ERROR(Read(&type));
    CDC_RETURN_IF_ERROR(Read(&length));
    CDC_RETURN_IF_ERROR(Read(&next));
    if (length < kHeaderBytes || length > file_.size() - begin) {
      return AtByte("an event has an impossible length: " + std::to_string(length), begin);
    }
    event->end = begin + length;
    event->type = static_cast<EventType>(type);
    if (next >= 0 && next != event->end) {
      return AtByte("an event does not end where the next one begins", begin);
    }
    return OkStatus();
  }

 private:
  // Small files and frames need one call of the storage.
  static constexpr int64_t kWindow = 4 << 10;

  Status ReadBytes(int64_t size, char* out) {
    if (size > file_.size() - at_) {
      return AtByte("the file ends early: it has " + std::to_string(file_.size()) + " bytes", at_);
    }
    if (at_ < window_at_ || at_ + size > window_at_ + static_cast<int64_t>(window_.size())) {
      window_.resize(static_cast<size_t>(std::min(std::max(size, kWindow), file_.size() - at_)));
      window_at_ = at_;
      CDC_RETURN_IF_ERROR(
          file_.ReadAt(window_at_, static_cast<int64_t>(window_.size()), window_.data()));
    }
    std::copy_n(window_.begin() + (at_ - window_at_), size, out);
    at_ += size;
    return OkStatus();
  }

  StorageFile& file_;
  int64_t at_ = 0;
  std::string window_;
  int64_t window_at_ = 0;
};

// `extra`: {"original_size": "32"}, in later versions with more.
Status ReadExtra(const std::string& extra, LogKind kind, LogFileHeader* header) {
  const nlohmann::json json = nlohmann::json::parse(extra, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return DataLossError("its descriptor has no JSON object");
  }
  if (json.contains("edek")) {
    return FailedPreconditionError("it is encrypted");
  }
  if (const auto version = json.find("version"); version != json.end()) {
    header->two_columns = kind == LogKind::kDelete && *version == "MULTI_FIELD";
    if (!header->two_columns) {
      return FailedPreconditionError("it has an unknown version: " + version->dump());
    }
  }
  const auto size = json.find("original_size");
  if (size == json.end() || !size->is_string()) {
    return DataLossError("its descriptor has no original_size");
  }
  return OkStatus();
}

Status ReadDescriptor(FrameReader& reader, LogKind kind, LogFileHeader* header) {
  const int64_t begin = reader.at();
  Event event;
  CDC_RETURN_IF_ERROR(reader.ReadEvent(&event));
  if (event.type != EventType::kDescriptor) {
    return AtByte("it does not begin with a descriptor", begin);
  }
  uint64_t first = 0;
  uint64_t last = 0;
  uint64_t post_headers = 0;
  int32_t type = 0;
  int32_t extra_bytes = 0;
  CDC_RETURN_IF_ERROR(reader.Read(&header->collection.value));
  CDC_RETURN_IF_ERROR(reader.Read(&header->partition.value));
  CDC_RETURN_IF_ERROR(reader.Read(&header->segment.value));
  CDC_RETURN_IF_ERROR(reader.Read(&header->field.value));
  CDC_RETURN_IF_ERROR(reader.Read(&first));  // 0 or 1 from later writers, so of no use
  CDC_RETURN_IF_ERROR(reader.Read(&last));
  CDC_RETURN_IF_ERROR(reader.Read(&type));
  CDC_RETURN_IF_ERROR(reader.Read(&post_headers));
  CDC_RETURN_IF_ERROR(reader.Read(&extra_bytes));
  header->type = static_cast<DataType>(type);
  if (extra_bytes < 0 || extra_bytes > kMaxExtraBytes ||
      event.end - begin != kHeaderBytes + kDescriptorBytes + extra_bytes) {
    return AtByte("the descriptor has an impossible length", begin);
  }
  std::string extra;
  CDC_RETURN_IF_ERROR(reader.ReadText(extra_bytes, &extra));
  return ReadExtra(extra, kind, header);
}

Status ReadPayload(FrameReader& reader, LogKind kind, LogFileHeader* header) {
  const int64_t begin = reader.at();
  Event event;
  CDC_RETURN_IF_ERROR(reader.ReadEvent(&event));
  if (event.type != (kind == LogKind::kInsert ? EventType::kInsert : EventType::kDelete)) {
    return AtByte("an event has the wrong type: " + std::to_string(static_cast<int>(event.type)),
                  begin);
  }
  const int64_t offset = begin + kHeaderBytes + kDataBytes;
  if (event.end - offset < static_cast<int64_t>(2 * kParquetMagic.size())) {
    return AtByte("an event has an impossible length", begin);
  }
  reader.SkipTo(offset);
  std::string magic;
  CDC_RETURN_IF_ERROR(reader.ReadText(static_cast<int64_t>(kParquetMagic.size()), &magic));
  if (magic != kParquetMagic) {
    return AtByte("an event holds no Parquet file", offset);
  }
  header->payloads.push_back({.offset = offset, .size = event.end - offset});
  reader.SkipTo(event.end);
  return OkStatus();
}

std::string Join(CollectionId collection, const Segment& segment) {
  return std::to_string(collection.value) + "/" + std::to_string(segment.partition.value) + "/" +
         std::to_string(segment.id.value);
}

}  // namespace

std::string InsertLogPath(CollectionId collection,
                          const Segment& segment,
                          FieldId field,
                          int64_t log) {
  return "insert_log/" + Join(collection, segment) + "/" + std::to_string(field.value) + "/" +
         std::to_string(log);
}

std::string DeleteLogFolder(CollectionId collection, const Segment& segment) {
  return "delta_log/" + Join(collection, segment);
}

Result<LogFileHeader> ReadLogFileHeader(StorageFile& file, LogKind kind) {
  FrameReader reader(file);
  uint32_t magic = 0;
  if (file.size() < kMagicBytes) {
    return DataLossError("the file has only " + std::to_string(file.size()) + " bytes");
  }
  CDC_RETURN_IF_ERROR(reader.Read(&magic));
  if (magic == kParquetNumber) {
    return FailedPreconditionError("it is a Parquet file, as later versions of Milvus write it");
  }
  if (magic != kMagic) {
    return DataLossError("the file does not begin with Milvus' magic number");
  }
  LogFileHeader header;
  CDC_RETURN_IF_ERROR(ReadDescriptor(reader, kind, &header));
  do {
    CDC_RETURN_IF_ERROR(ReadPayload(reader, kind, &header));
  } while (!reader.AtEnd());
  return header;
}

}  // namespace cdc
