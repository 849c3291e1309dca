// The files of Woodpecker.
//
// Input: a file.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "fuzz.h"
#include "source/woodpecker/woodpecker_id.h"
#include "source/woodpecker/woodpecker_meta.h"
#include "source/woodpecker/woodpecker_record.h"

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
  cdc::RunWoodpeckerId(input);
  return 0;
}
