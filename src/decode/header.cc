#include "decode/header.h"

#include <limits>

#include "wire/wire_reader.h"

namespace cdc {
namespace {

Status MergeReplicateInfo(std::string_view bytes, const char* origin, Header* header) {
  WireReader reader(bytes, origin);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1: CDC_RETURN_IF_ERROR(ReadField(reader, "isReplicate", &header->is_replicate)); break;
      case 2:
        CDC_RETURN_IF_ERROR(ReadField(reader, "msgTimestamp", &header->original_timestamp));
        break;
      default: break;
    }
  }
  return reader.status();
}

Status MergeBase(std::string_view bytes, const char* origin, Header* header) {
  WireReader reader(bytes, origin);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1: {
        uint64_t type = 0;
        CDC_RETURN_IF_ERROR(ReadField(reader, "msg_type", &type));
        if (type > static_cast<uint64_t>(std::numeric_limits<int>::max())) {
          return reader.Error("msg_type is out of range");
        }
        header->type = static_cast<int>(type);
        break;
      }
      case 2: CDC_RETURN_IF_ERROR(ReadField(reader, "msgID", &header->message_id)); break;
      case 3: CDC_RETURN_IF_ERROR(ReadField(reader, "timestamp", &header->timestamp)); break;
      case 7: {
        std::string_view info;
        CDC_RETURN_IF_ERROR(ReadField(reader, "replicateInfo", &info));
        CDC_RETURN_IF_ERROR(MergeReplicateInfo(info, origin, header));
        break;
      }
      default: break;
    }
  }
  return reader.status();
}

}  // namespace

Result<Header> DecodeHeader(std::string_view record) {
  Header header;
  WireReader reader(record, record.data());
  while (reader.Next()) {
    if (reader.field() == 1) {
      std::string_view base;
      CDC_RETURN_IF_ERROR(ReadField(reader, "base", &base));
      // A submessage that occurs twice is merged, as protobuf requires.
      CDC_RETURN_IF_ERROR(MergeBase(base, record.data(), &header).WithContext("base"));
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  if (header.type == 0) {
    return DataLossError("the record has no message type: it is not of Milvus 2.2 to 2.5");
  }
  return header;
}

}  // namespace cdc
