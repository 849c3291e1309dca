// The files and objects of Woodpecker.
//
// Input: a file, or an object.
#include <algorithm>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz.h"
#include "source/woodpecker/woodpecker_id.h"
#include "source/woodpecker/woodpecker_meta.h"
#include "source/woodpecker/woodpecker_record.h"
#include "source/woodpecker/woodpecker_segment.h"

namespace cdc {
namespace {

void CheckWoodpeckerError(const Status& status) {
  FUZZ_EXPECT(
      status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kFailedPrecondition,
      status.ToString());
  FUZZ_EXPECT(status.message().size() <= fuzz::kMaxErrorBytes, status.message());
}

void RunRecords(std::string_view file) {
  while (true) {
    const std::string_view before = file;
    const auto record = TakeWoodpeckerRecord(&file);
    if (!record.ok() || !*record) {
      FUZZ_EXPECT(file.size() == before.size(), "an error moves on");
      return;
    }
    FUZZ_EXPECT(before.size() - file.size() == kWoodpeckerRecordHeader + (*record)->body.size(),
                "");
    const auto header = ReadWoodpeckerBlockHeader(before.substr(0, before.size() - file.size()));
    if (header) {
      const auto entries = ReadWoodpeckerBlock(
          *header, file.substr(0, std::min<size_t>(file.size(), header->length)));
      if (!entries.ok()) {
        CheckWoodpeckerError(entries.status());
      }
    }
    const LogRecord read = ReadWoodpeckerEntry({}, (*record)->body);
    FUZZ_EXPECT(read.wal != nullptr && !read.wal->version.empty(), "a version");
    FUZZ_EXPECT(read.payload.bytes.size() <= (*record)->body.size(), "");
  }
}

void RunFile(std::string_view file) {
  CheckWoodpeckerFileHeader(file.substr(0, kWoodpeckerFileHeader)).ok();
  const auto footer = ReadWoodpeckerFooter(file);
  if (!footer.ok()) {
    CheckWoodpeckerError(footer.status());
  } else if (*footer) {
    const auto index = ReadWoodpeckerIndex(file, (*footer)->blocks);
    FUZZ_EXPECT(!index.ok() || index->size() * kWoodpeckerIndex == file.size(), "");
  }
  RunRecords(file);
}

class MemoryFile final : public StorageFile {
 public:
  explicit MemoryFile(std::string_view bytes) : bytes_(bytes) {}
  int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }
  Status ReadAt(int64_t offset, int64_t size, char* out) override {
    FUZZ_EXPECT(offset >= 0 && size >= 0 && offset <= this->size() - size, "outside of the file");
    bytes_.copy(out, static_cast<size_t>(size), static_cast<size_t>(offset));
    return OkStatus();
  }

 private:
  const std::string_view bytes_;
};

// One object, with this name.
class OneObject final : public Storage {
 public:
  OneObject(std::string name, std::string_view bytes) : name_(std::move(name)), bytes_(bytes) {}
  Result<std::unique_ptr<StorageFile>> Open(const std::string& path) override {
    if (path != "1/0/" + name_) {
      return NotFoundError(path);
    }
    return std::unique_ptr<StorageFile>(std::make_unique<MemoryFile>(bytes_));
  }
  Result<std::vector<std::string>> List(const std::string& /*folder*/) override {
    return std::vector<std::string>{name_};
  }
  std::unique_ptr<Storage> Until(std::stop_token /*stop*/) override {
    return std::make_unique<OneObject>(name_, bytes_);
  }

 private:
  const std::string name_;
  const std::string_view bytes_;
};

template <class Value>
void CheckSegment(const Result<Value>& result) {
  if (!result.ok() && result.status().code() != StatusCode::kNotFound &&
      result.status().code() != StatusCode::kUnavailable) {
    CheckWoodpeckerError(result.status());
  }
}

void RunSegment(std::string_view bytes) {
  for (const char* name : {"data.log", "0.blk", "footer.blk"}) {
    OneObject storage(name, bytes);
    for (const bool closed : {false, true}) {
      for (const int64_t entry : {0, 1}) {
        CheckSegment(NewWoodpeckerFileSegment(&storage, 1, 0)->Read(entry, closed));
        CheckSegment(NewWoodpeckerObjectSegment(&storage, 1, 0)->Read(entry, closed));
      }
    }
    CheckSegment(NewWoodpeckerFileSegment(&storage, 1, 0)->Newest());
    CheckSegment(NewWoodpeckerObjectSegment(&storage, 1, 0)->Newest());
  }
}

void RunWoodpeckerId(const std::string& bytes) {
  const auto id = DecodeWoodpeckerId(MsgId{bytes});
  if (id.ok()) {
    const auto again = DecodeWoodpeckerId(EncodeWoodpeckerId(*id));
    FUZZ_EXPECT(again.ok() && *again == *id, "not the same position");
  }
  ReadWoodpeckerLogMeta(bytes).ok();
  ReadWoodpeckerSegmentMeta(bytes).ok();
}

}  // namespace
}  // namespace cdc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  cdc::RunFile(input);
  cdc::RunSegment(input);
  cdc::RunWoodpeckerId(input);
  return 0;
}
