#include "source/woodpecker/woodpecker_id.h"

#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

// Field numbers of LogMessageIdData.
constexpr int kIdSegment = 1;
constexpr int kIdEntry = 2;

}  // namespace

std::string WoodpeckerId::ToString() const {
  return std::to_string(segment) + "/" + std::to_string(entry);
}

MsgId EncodeWoodpeckerId(const WoodpeckerId& id) {
  MsgId bytes;
  wire::AppendVarintField(kIdSegment, static_cast<uint64_t>(id.segment), &bytes.bytes);
  wire::AppendVarintField(kIdEntry, static_cast<uint64_t>(id.entry), &bytes.bytes);
  return bytes;
}

Result<WoodpeckerId> DecodeWoodpeckerId(const MsgId& id) {
  WoodpeckerId decoded;
  bool known = true;
  WireReader reader(id.bytes);
  while (reader.Next()) {
    known = known && reader.type() == WireType::kVarint &&
            (reader.field() == kIdSegment || reader.field() == kIdEntry);
    const auto number = static_cast<int64_t>(reader.number());
    (reader.field() == kIdSegment ? decoded.segment : decoded.entry) = number;
  }
  if (!reader.status().ok() || !known) {
    return InvalidArgumentError("not a Woodpecker position: " + std::to_string(id.bytes.size()) +
                                " bytes; a task that began on another queue must be created again");
  }
  if (decoded.segment < 0 || decoded.entry < 0) {
    return InvalidArgumentError("a Woodpecker position is not negative: " + decoded.ToString());
  }
  return decoded;
}

}  // namespace cdc
