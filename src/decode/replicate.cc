#include "decode/replicate.h"

#include <utility>

#include "decode/header.h"
#include "wire/wire_reader.h"

namespace cdc {

Result<std::optional<FlushRequestInfo>> DecodeFlush(const Payload& payload) {
  const std::string_view record = payload.bytes;
  CDC_ASSIGN_OR_RETURN(const Header header, DecodeHeader(record));
  if (header.type != static_cast<int>(WireMessage::kFlush)) {
    return std::optional<FlushRequestInfo>();
  }
  FlushRequestInfo info;
  info.ts = {header.is_replicate ? header.original_timestamp : header.timestamp};
  WireReader reader(record, record.data());
  while (reader.Next()) {
    std::string_view text;
    if (reader.field() == 2) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "db_name", &text).WithContext("flush"));
      info.database = text;
    } else if (reader.field() == 3) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "collection_names", &text).WithContext("flush"));
      info.collections.emplace_back(text);
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  return std::optional<FlushRequestInfo>(std::move(info));
}

}  // namespace cdc
