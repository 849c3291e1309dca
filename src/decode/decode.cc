#include "decode/decode.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "decode/column.h"
#include "decode/header.h"
#include "decode/record.h"
#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

// Keeps alive a record and the data put together from parts of it.
struct ExtendedRecord {
  std::shared_ptr<const void> record;
  std::deque<std::string> rebuilt;  // a deque: its elements never move, so views of them stay valid
};

// timestamps[] of a row message: their number, the smallest and the largest.
struct RowTimes {
  uint64_t count = 0;
  uint64_t min = std::numeric_limits<uint64_t>::max();
  uint64_t max = 0;
  std::string_view packed;  // all of them, if they are in one piece

  Status Add(const WireReader& reader) {
    if (reader.type() == WireType::kVarint) {
      Add(reader.number());
      packed = {};
      return OkStatus();
    }
    std::string_view piece;
    CDC_RETURN_IF_ERROR(ReadField(reader, "timestamps", &piece));
    packed = count == 0 ? piece : std::string_view();
    PackedReader times(piece);
    for (uint64_t time = 0; times.Next(&time);) {
      Add(time);
    }
    return times.malformed() ? reader.Error("timestamps are cut off") : OkStatus();
  }

 private:
  void Add(uint64_t time) {
    ++count;
    min = std::min(min, time);
    max = std::max(max, time);
  }
};

// The fields 2 to 8, which InsertRequest and DeleteRequest share.
Status ReadRouting(const WireReader& reader, Message* message) {
  switch (reader.field()) {
    case 2: return ReadField(reader, "shardName", &message->vchannel);
    case 5: return ReadField(reader, "partition_name", &message->partition_name);
    case 7: return ReadField(reader, "collectionID", &message->collection.value);
    case 8: return ReadField(reader, "partitionID", &message->partition.value);
    default: return OkStatus();
  }
}

// Sets `rows` and `ts`. `num_rows` is 0 if the record does not have it.
Status FinishRows(const RowTimes& times,
                  uint64_t num_rows,
                  const Header& header,
                  Message* message) {
  if (message->vchannel.empty()) {
    return DataLossError("it has no shardName");
  }
  if (times.count > std::numeric_limits<uint32_t>::max() ||
      (num_rows != 0 && num_rows != times.count)) {
    return DataLossError("num_rows differs from the number of timestamps: " +
                         std::to_string(num_rows) + " and " + std::to_string(times.count));
  }
  message->rows = static_cast<uint32_t>(times.count);
  message->ts = {times.count > 0 ? times.max : header.timestamp};
  if (message->type == MessageType::kInsert && times.min < times.max) {
    message->row_times = times.packed;
  }
  return OkStatus();
}

// Exactly the last byte of a varint has its high bit clear.
size_t CountVarints(std::string_view packed) {
  return static_cast<size_t>(
      std::count_if(packed.begin(), packed.end(), [](char byte) { return (byte & 0x80) == 0; }));
}

// No server allows this many. Bounds the memory for a record of nothing but empty columns.
constexpr size_t kMaxColumns = 4096;

// Columns of different messages are matched by id or else by name, so both must be unique.
bool Repeats(const std::vector<Column>& columns, const Column& column) {
  return std::any_of(columns.begin(), columns.end(), [&column](const Column& other) {
    return (column.field.value > 0 && column.field == other.field) || column.name == other.name;
  });
}

Status DecodeColumns(std::string_view record,
                     size_t columns,
                     Message* message,
                     std::deque<std::string>* rebuilt) {
  if (columns > kMaxColumns) {
    return DataLossError("it has too many columns: " + std::to_string(columns));
  }
  message->columns.reserve(columns);
  WireReader reader(record, record.data());
  while (reader.Next()) {
    if (reader.field() == 13) {
      CDC_ASSIGN_OR_RETURN(Column column,
                           DecodeColumn(reader.bytes(), message->rows, record.data(), rebuilt));
      if (Repeats(message->columns, column)) {
        return AtColumn(DataLossError("it occurs twice"), column,
                        static_cast<size_t>(reader.bytes().data() - record.data()));
      }
      message->columns.push_back(std::move(column));
    }
  }
  return reader.status();
}

Status DecodeInsert(std::string_view record,
                    const Header& header,
                    Message* message,
                    std::deque<std::string>* rebuilt) {
  RowTimes times;
  uint64_t num_rows = 0;
  uint64_t version = 0;
  size_t columns = 0;
  bool has_row_data = false;
  WireReader reader(record, record.data());
  while (reader.Next()) {
    switch (reader.field()) {
      case 10: CDC_RETURN_IF_ERROR(times.Add(reader)); break;
      case 11: CDC_RETURN_IF_ERROR(ReadField(reader, "rowIDs", &message->row_ids)); break;
      case 12: has_row_data = true; break;
      case 13: {
        std::string_view column;
        CDC_RETURN_IF_ERROR(ReadField(reader, "fields_data", &column));
        ++columns;
        break;
      }
      case 14: CDC_RETURN_IF_ERROR(ReadField(reader, "num_rows", &num_rows)); break;
      case 15: CDC_RETURN_IF_ERROR(ReadField(reader, "version", &version)); break;
      default: CDC_RETURN_IF_ERROR(ReadRouting(reader, message)); break;
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  if (has_row_data) {
    return DataLossError("its rows are in the row-based form of Milvus before 2.1: version " +
                         std::to_string(version));
  }
  CDC_RETURN_IF_ERROR(FinishRows(times, num_rows, header, message));
  if (!message->row_ids.empty() && CountVarints(message->row_ids) != message->rows) {
    return DataLossError("it does not have one row id a row");
  }
  if (columns == 0 && message->rows > 0) {
    return DataLossError("it has no columns, rows: " + std::to_string(message->rows));
  }
  // Columns need the number of rows, which may follow them: hence a second pass.
  return DecodeColumns(record, columns, message, rebuilt);
}

Status ReadKeys(const WireReader& ids, const char* origin, KeyColumn* keys) {
  std::string_view bytes;
  CDC_RETURN_IF_ERROR(ReadField(ids, "primary_keys", &bytes));
  WireReader reader(bytes, origin);
  bool found = false;
  while (reader.Next()) {
    if (reader.field() > 2) {
      continue;
    }
    if (found) {
      return reader.Error("primary_keys occur twice");
    }
    found = true;
    keys->is_string = reader.field() == 2;
    CDC_RETURN_IF_ERROR(ReadField(reader, "primary_keys", &keys->body));
  }
  return reader.status();
}

// Appends keys of the old field int64_primary_keys in the form of schema.LongArray.
Status AppendLegacyKeys(const WireReader& reader, std::string* array) {
  constexpr int kData = 1;
  if (reader.type() == WireType::kVarint) {
    wire::AppendVarintField(kData, reader.number(), array);
    return OkStatus();
  }
  std::string_view packed;
  CDC_RETURN_IF_ERROR(ReadField(reader, "int64_primary_keys", &packed));
  wire::AppendBytesField(kData, packed, array);
  return OkStatus();
}

Status DecodeDelete(std::string_view record,
                    const Header& header,
                    Message* message,
                    std::deque<std::string>* rebuilt) {
  RowTimes times;
  uint64_t num_rows = 0;
  std::string legacy;
  bool has_keys = false;
  WireReader reader(record, record.data());
  while (reader.Next()) {
    switch (reader.field()) {
      case 9: CDC_RETURN_IF_ERROR(AppendLegacyKeys(reader, &legacy)); break;
      case 10: CDC_RETURN_IF_ERROR(times.Add(reader)); break;
      case 11: CDC_RETURN_IF_ERROR(ReadField(reader, "num_rows", &num_rows)); break;
      case 12:
        if (has_keys) {
          return reader.Error("primary_keys occur twice");
        }
        has_keys = true;
        CDC_RETURN_IF_ERROR(ReadKeys(reader, record.data(), &message->keys));
        break;
      default: CDC_RETURN_IF_ERROR(ReadRouting(reader, message)); break;
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  if (!has_keys) {
    message->keys.body = rebuilt->emplace_back(std::move(legacy));
  }
  CDC_RETURN_IF_ERROR(FinishRows(times, num_rows, header, message));
  CDC_ASSIGN_OR_RETURN(
      const uint64_t keys,
      CountKeys(message->keys, has_keys ? record.data() : message->keys.body.data()));
  if (keys != message->rows) {
    return DataLossError("it does not have one key a timestamp: " + std::to_string(keys) + " and " +
                         std::to_string(message->rows));
  }
  return OkStatus();
}

// The field numbers of the relevant parts of rootcoord's broadcasts; 0: it has no such field.
struct BroadcastFields {
  int partition_name = 0;
  int collection = 0;
  int partition = 0;
};

Status DecodeBroadcast(std::string_view record, const BroadcastFields& fields, Message* message) {
  WireReader reader(record, record.data());
  while (reader.Next()) {
    if (reader.field() == fields.partition_name) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "partition_name", &message->partition_name));
    } else if (reader.field() == fields.collection) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "collectionID", &message->collection.value));
    } else if (reader.field() == fields.partition) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "partitionID", &message->partition.value));
    }
  }
  return reader.status();
}

// The collection's field number in an ImportMsg.
constexpr int kCollectionOfImport = 4;

Status ReadImported(const WireReader& reader, Message* message) {
  return reader.field() == kCollectionOfImport
             ? ReadField(reader, "collectionID", &message->collection.value)
             : OkStatus();
}

Status DecodeImport(std::string_view record, const Header& header, Message* message) {
  if (header.timestamp == 0) {
    return DataLossError("it has no time");  // it would count as read long ago
  }
  message->partition = kAllPartitions;
  return DecodeBroadcast(record, {.collection = kCollectionOfImport}, message);
}

Status DecodeBody(std::string_view record,
                  const Header& header,
                  Message* message,
                  std::deque<std::string>* rebuilt) {
  switch (static_cast<WireMessage>(header.type)) {
    case WireMessage::kInsert:
      message->type = MessageType::kInsert;
      return DecodeInsert(record, header, message, rebuilt).WithContext("insert");
    case WireMessage::kDelete:
      message->type = MessageType::kDelete;
      return DecodeDelete(record, header, message, rebuilt).WithContext("delete");
    case WireMessage::kTimeTick: message->type = MessageType::kTick; return OkStatus();
    case WireMessage::kCreateCollection:
      message->type = MessageType::kCreateCollection;
      return DecodeBroadcast(record, {.collection = 6}, message).WithContext("create collection");
    case WireMessage::kDropCollection:
      message->type = MessageType::kDropCollection;
      return DecodeBroadcast(record, {.collection = 5}, message).WithContext("drop collection");
    case WireMessage::kDropPartition:
      message->type = MessageType::kDropPartition;
      return DecodeBroadcast(record, {.partition_name = 4, .collection = 6, .partition = 7},
                             message)
          .WithContext("drop partition");
    case WireMessage::kImport:
      CDC_RETURN_IF_ERROR(DecodeImport(record, header, message).WithContext("import"));
      break;
    case WireMessage::kFlush:
    case WireMessage::kCreateCredential:
    case WireMessage::kUpdateCredential: break;  // of the replicate channel
  }
  message->type = MessageType::kOther;
  return OkStatus();
}

}  // namespace

Result<std::shared_ptr<Message>> DecodeRecord(MsgId id, Payload payload) {
  const std::string_view record = payload.bytes;
  CDC_ASSIGN_OR_RETURN(const Header header, DecodeHeader(record));
  auto message = std::make_shared<Message>();
  message->id = std::move(id);
  message->raw_type = header.type;
  message->message_id = header.message_id;
  message->ts = {header.timestamp};
  std::deque<std::string> rebuilt;
  CDC_RETURN_IF_ERROR(DecodeBody(record, header, message.get(), &rebuilt));
  message->payload = std::move(payload);
  // A view must not outlive its bytes: the message owns what was put together, along with the
  // record.
  if (!rebuilt.empty()) {
    message->payload.owner = std::make_shared<const ExtendedRecord>(
        ExtendedRecord{std::move(message->payload.owner), std::move(rebuilt)});
  }
  return message;
}

Payload KeepAlive(Payload payload, std::string text, std::string_view* view) {
  auto owner = std::make_shared<ExtendedRecord>(ExtendedRecord{std::move(payload.owner), {}});
  *view = owner->rebuilt.emplace_back(std::move(text));
  payload.owner = std::move(owner);
  return payload;
}

Result<MessagePtr> DecodeMessage(MsgId id, Payload payload) {
  CDC_ASSIGN_OR_RETURN(std::shared_ptr<Message> message,
                       DecodeRecord(std::move(id), std::move(payload)));
  return MessagePtr(std::move(message));
}

bool IsImport(const Message& message) {
  return message.raw_type == static_cast<int>(WireMessage::kImport);
}

std::optional<CollectionId> FindCollection(std::string_view record) {
  bool rows = false;
  bool imported = false;
  Message message;
  WireReader reader(record, record.data());
  while (reader.Next()) {
    const Status read = imported ? ReadImported(reader, &message) : ReadRouting(reader, &message);
    if (!read.ok()) {
      break;
    }
    if (reader.field() == 1) {
      // Only this far: the rest may be damaged.
      const char* end = reader.bytes().data() + reader.bytes().size();
      const Result<Header> header =
          DecodeHeader(record.substr(0, static_cast<size_t>(end - record.data())));
      const auto type = header.ok() ? static_cast<WireMessage>(header->type) : WireMessage::kFlush;
      imported = type == WireMessage::kImport;
      rows = imported || type == WireMessage::kInsert || type == WireMessage::kDelete;
    }
    if (rows && message.collection != CollectionId{}) {
      return message.collection;
    }
  }
  return std::nullopt;
}

}  // namespace cdc
