#include "decode/wal.h"

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/base64.h"
#include "decode/header.h"
#include "decode/record.h"
#include "wire/wire_reader.h"

namespace cdc {
namespace {

template <class Number>
Status ParseProperty(const char* name, std::string_view text, int base, Number* value) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, *value, base);
  return error == std::errc() && rest == end
             ? OkStatus()
             : DataLossError(std::string("its property ") + name + " is not a number: \"" +
                             std::string(text.substr(0, 40)) + "\"");
}

// The bytes of a protobuf message in standard base64.
Status DecodeProperty(const char* name, std::string_view text, std::string* bytes) {
  std::optional<std::string> decoded = DecodeBase64(text);
  if (!decoded) {
    return DataLossError(std::string("its property ") + name + " is not base64");
  }
  *bytes = *std::move(decoded);
  return OkStatus();
}

Status CheckVersion(const WalProperties& properties) {
  constexpr int kNewest = 2;
  int version = 0;
  const std::string_view text = properties.version;
  if (!ParseProperty("_v", text, 10, &version).ok() || version < 0 || version > kNewest) {
    return FailedPreconditionError("its version (_v) is \"" + std::string(text.substr(0, 40)) +
                                   "\", those up to " + std::to_string(kNewest) +
                                   " are known: a newer milvus-cdc may know it");
  }
  return properties.cipher.empty()
             ? OkStatus()
             : FailedPreconditionError("it is encrypted, and the key is known to the source only");
}

Result<std::optional<WalTransaction>> DecodeTransaction(std::string_view property) {
  if (property.empty()) {
    return std::optional<WalTransaction>();
  }
  std::string bytes;
  CDC_RETURN_IF_ERROR(DecodeProperty("_tx", property, &bytes));
  WalTransaction transaction;
  int64_t keepalive_ms = 0;
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1: CDC_RETURN_IF_ERROR(ReadField(reader, "txn_id", &transaction.id)); break;
      case 2: CDC_RETURN_IF_ERROR(ReadField(reader, "keepalive", &keepalive_ms)); break;
      default: break;
    }
  }
  CDC_RETURN_IF_ERROR(reader.status().WithContext("its property _tx"));
  transaction.keepalive = std::chrono::milliseconds(keepalive_ms);
  return std::optional(transaction);
}

// What a header says of the message; each type has its own fields.
struct WalHeader {
  CollectionId collection;
  PartitionId partition;  // of a message about one
  int64_t queue = 0;      // AlterWAL: where the log continues
  uint64_t rows = 0;
};

// PartitionSegmentAssignment
Status ReadPartition(std::string_view bytes, WalHeader* header) {
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 1: CDC_RETURN_IF_ERROR(ReadField(reader, "partition", &header->partition.value)); break;
      case 2: CDC_RETURN_IF_ERROR(ReadField(reader, "rows", &header->rows)); break;
      default: break;
    }
  }
  return reader.status();
}

Status ReadInsertHeader(std::string_view bytes, WalHeader* header) {
  int partitions = 0;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "collection_id", &header->collection.value));
    } else if (reader.field() == 2) {
      std::string_view partition;
      CDC_RETURN_IF_ERROR(ReadField(reader, "partitions", &partition));
      CDC_RETURN_IF_ERROR(ReadPartition(partition, header));
      ++partitions;
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  return partitions == 1 ? OkStatus()
                         : DataLossError("it has rows of " + std::to_string(partitions) +
                                         " partitions instead of one");
}

// `collection`, `partition`: their field numbers; 0: it has no such field.
Status ReadIds(std::string_view bytes, int collection, int partition, WalHeader* header) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == collection) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "collection_id", &header->collection.value));
    } else if (reader.field() == partition) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "partition_id", &header->partition.value));
    }
  }
  return reader.status();
}

// AlterWALMessageHeader
Status ReadQueue(std::string_view bytes, WalHeader* header) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (reader.field() == 1) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "target_wal_name", &header->queue));
    }
  }
  return reader.status();
}

Status ReadHeader(WalType type, std::string_view bytes, WalHeader* header) {
  switch (type) {
    case WalType::kInsert: return ReadInsertHeader(bytes, header);
    case WalType::kDelete:
    case WalType::kCreateCollection:
    case WalType::kDropCollection: return ReadIds(bytes, 1, 0, header);
    case WalType::kDropPartition: return ReadIds(bytes, 1, 2, header);
    case WalType::kTruncateCollection: return ReadIds(bytes, 2, 0, header);
    case WalType::kAlterWal: return ReadQueue(bytes, header);
    default: return OkStatus();
  }
}

// The rows of an insert or delete: a message of an earlier Milvus, whose times, and after a
// replication by Milvus itself whose vchannel, are not those of this log.
Result<std::shared_ptr<Message>> DecodeRows(MsgId id,
                                            Payload payload,
                                            MessageType type,
                                            const WalHeader& header,
                                            const std::string& vchannel) {
  CDC_ASSIGN_OR_RETURN(std::shared_ptr<Message> rows,
                       DecodeRecord(std::move(id), std::move(payload)));
  if (rows->type != type) {
    return DataLossError("its body is a message of another type: " +
                         std::to_string(rows->raw_type));
  }
  if (vchannel.empty()) {
    return DataLossError("it has rows and no vchannel (_vc)");
  }
  if (header.collection != rows->collection ||
      (type == MessageType::kInsert &&
       (header.partition != rows->partition || header.rows != rows->rows))) {
    return DataLossError("its header (_h) does not fit its body");
  }
  if (rows->vchannel != vchannel) {
    rows->payload = KeepAlive(std::move(rows->payload), vchannel, &rows->vchannel);
  }
  rows->message_id = 0;  // a producer's retry does not come twice in this log
  return rows;
}

Status MovedTo(int64_t queue) {
  constexpr std::array<const char*, 5> kNames = {"", "RocksMQ", "Pulsar", "Kafka", "Woodpecker"};
  const bool known = queue > 0 && queue < static_cast<int64_t>(kNames.size());
  const std::string name = known ? kNames.at(static_cast<size_t>(queue)) : "another queue";
  const std::string limit = name == "Woodpecker" ? " (which is read as an experiment)" : "";
  return FailedPreconditionError("the source has moved its log to " + name +
                                 " (AlterWAL): configure that under sourceConfig" + limit +
                                 ", start the server "
                                 "again, delete the task, and create it again with "
                                 "start_from: snapshot");
}

// A message of no use but for its collection: what it says comes from the catalog.
std::shared_ptr<Message> Announcement(MsgId id,
                                      Payload payload,
                                      MessageType type,
                                      const WalHeader& header) {
  auto message = std::make_shared<Message>();
  message->type = type;
  message->id = std::move(id);
  message->collection = header.collection;
  message->partition = header.partition;
  message->payload = std::move(payload);
  return message;
}

// An ImportMsg, whose base may have no time.
Result<std::shared_ptr<Message>> DecodeImported(MsgId id, Payload payload) {
  constexpr int kCollection = 4;
  WalHeader header{.collection = {}, .partition = kAllPartitions};
  CDC_RETURN_IF_ERROR(ReadIds(payload.bytes, kCollection, 0, &header));
  auto message = Announcement(std::move(id), std::move(payload), MessageType::kOther, header);
  message->raw_type = static_cast<int>(WireMessage::kImport);
  return message;
}

Result<std::shared_ptr<Message>> DecodeTruncation(MsgId id, Payload payload, WalHeader header) {
  if (header.collection == CollectionId{}) {
    return DataLossError("its header (_h) names no collection");
  }
  header.partition = kAllPartitions;
  return Announcement(std::move(id), std::move(payload), MessageType::kTruncateCollection, header);
}

Result<std::shared_ptr<Message>> DecodeBodyOf(
    WalType type, MsgId id, Payload payload, const WalHeader& header, const std::string& vchannel) {
  const auto announce = [&](MessageType as) {
    return Announcement(std::move(id), std::move(payload), as, header);
  };
  switch (type) {
    case WalType::kInsert:
      return DecodeRows(std::move(id), std::move(payload), MessageType::kInsert, header, vchannel);
    case WalType::kDelete:
      return DecodeRows(std::move(id), std::move(payload), MessageType::kDelete, header, vchannel);
    case WalType::kImport: return DecodeImported(std::move(id), std::move(payload));
    case WalType::kTimeTick: return announce(MessageType::kTick);
    case WalType::kCreateCollection: return announce(MessageType::kCreateCollection);
    case WalType::kDropCollection: return announce(MessageType::kDropCollection);
    case WalType::kDropPartition: return announce(MessageType::kDropPartition);
    case WalType::kTruncateCollection:
      return DecodeTruncation(std::move(id), std::move(payload), header);
    case WalType::kAlterWal: return MovedTo(header.queue);
    default: return announce(MessageType::kOther);
  }
}

}  // namespace

bool IsKnown(WalType type) {
  constexpr int kLastOfTheFirst = static_cast<int>(WalType::kTruncateCollection);
  const int number = static_cast<int>(type);
  return (number > 0 && number <= kLastOfTheFirst) || number == 800 ||
         (number >= static_cast<int>(WalType::kBeginTransaction) &&
          number <= static_cast<int>(WalType::kRollbackTransaction));
}

Result<WalMessage> DecodeWalMessage(MsgId id, Payload payload, const WalProperties& properties) {
  CDC_RETURN_IF_ERROR(CheckVersion(properties));
  int type = 0;
  uint64_t time = 0;
  CDC_RETURN_IF_ERROR(ParseProperty("_t", properties.type, 10, &type));
  CDC_RETURN_IF_ERROR(ParseProperty("_tt", properties.time_tick, 36, &time));
  if (time == 0) {
    return DataLossError("it has no time");  // it would count as read long ago
  }
  WalMessage decoded{.type = static_cast<WalType>(type), .message = {}, .transaction = {}};
  CDC_ASSIGN_OR_RETURN(decoded.transaction, DecodeTransaction(properties.transaction));
  std::string bytes;
  WalHeader header;
  CDC_RETURN_IF_ERROR(DecodeProperty("_h", properties.header, &bytes));
  CDC_RETURN_IF_ERROR(ReadHeader(decoded.type, bytes, &header).WithContext("its property _h"));
  CDC_ASSIGN_OR_RETURN(
      decoded.message,
      DecodeBodyOf(decoded.type, std::move(id), std::move(payload), header, properties.vchannel));
  decoded.message->ts = {time};
  decoded.message->row_times = {};  // the log's time counts
  return decoded;
}

}  // namespace cdc
