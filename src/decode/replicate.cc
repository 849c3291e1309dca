#include "decode/replicate.h"

#include <string_view>
#include <utility>

#include "decode/header.h"
#include "wire/wire_reader.h"

namespace cdc {
namespace {

// milvus.FlushRequest
Result<ReplicatedRequest> DecodeFlush(std::string_view record, const Header& header) {
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
  return ReplicatedRequest(std::move(info));
}

// milvus.CreateCredentialRequest
Result<ReplicatedRequest> DecodeCreateCredential(std::string_view record) {
  PasswordChange change;
  WireReader reader(record, record.data());
  while (reader.Next()) {
    std::string_view text;
    if (reader.field() == 2) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "username", &text).WithContext("create user"));
      change.user = text;
    } else if (reader.field() == 3) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "password", &text).WithContext("create user"));
      change.password = text;
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  return ReplicatedRequest(std::move(change));
}

// milvus.UpdateCredentialRequest
Result<ReplicatedRequest> DecodeUpdateCredential(std::string_view record) {
  PasswordChange change;
  change.old_password.emplace();
  WireReader reader(record, record.data());
  while (reader.Next()) {
    std::string_view text;
    if (reader.field() == 2) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "username", &text).WithContext("change of a password"));
      change.user = text;
    } else if (reader.field() == 3) {
      CDC_RETURN_IF_ERROR(
          ReadField(reader, "oldPassword", &text).WithContext("change of a password"));
      change.old_password = text;
    } else if (reader.field() == 4) {
      CDC_RETURN_IF_ERROR(
          ReadField(reader, "newPassword", &text).WithContext("change of a password"));
      change.password = text;
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  return ReplicatedRequest(std::move(change));
}

}  // namespace

Result<ReplicatedRequest> DecodeReplicated(const Payload& payload, bool with_passwords) {
  const std::string_view record = payload.bytes;
  CDC_ASSIGN_OR_RETURN(const Header header, DecodeHeader(record));
  const auto type = static_cast<WireMessage>(header.type);
  if (type == WireMessage::kFlush) {
    return DecodeFlush(record, header);
  }
  if (with_passwords && type == WireMessage::kCreateCredential) {
    return DecodeCreateCredential(record);
  }
  if (with_passwords && type == WireMessage::kUpdateCredential) {
    return DecodeUpdateCredential(record);
  }
  return ReplicatedRequest();
}

}  // namespace cdc
