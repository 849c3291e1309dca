#include "sink/standby/standby_message.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "encode/byte_pieces.h"
#include "encode/column_encoder.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

// milvus.proto.common.MsgType.
constexpr int kDropCollection = 101;
constexpr int kDropPartition = 201;
constexpr int kInsert = 400;
constexpr int kDelete = 401;
constexpr int kTimeTick = 1200;

// MsgBase.
constexpr int kMsgType = 1;
constexpr int kMsgId = 2;
constexpr int kBaseTimestamp = 3;
constexpr int kSourceId = 4;
constexpr int kReplicateInfo = 7;
constexpr int kIsReplicate = 1;
constexpr uint64_t kNoNode = UINT64_MAX;  // -1: from none of the target's nodes

// msg.InsertRequest and msg.DeleteRequest.
constexpr int kBase = 1;
constexpr int kShardName = 2;
constexpr int kDbName = 3;
constexpr int kCollectionName = 4;
constexpr int kPartitionName = 5;
constexpr int kCollectionId = 7;
constexpr int kPartitionId = 8;
constexpr int kTimestamps = 10;
constexpr int kRowIds = 11;
constexpr int kFieldsData = 13;
constexpr int kInsertRows = 14;
constexpr int kVersion = 15;
constexpr uint64_t kColumnBased = 1;
constexpr int kDeleteRows = 11;
constexpr int kPrimaryKeys = 12;
// schema.IDs.
constexpr int kIntIds = 1;
constexpr int kStringIds = 2;
// msg.DropCollectionRequest.
constexpr int kDropDbName = 2;
constexpr int kDropCollectionName = 3;
constexpr int kDropCollectionId = 5;

// ReplicateMessageRequest.
constexpr int kChannelName = 2;
constexpr int kBeginTs = 3;
constexpr int kEndTs = 4;
constexpr int kMsgs = 5;

void AppendId(int field, int64_t id, std::string* out) {
  wire::AppendVarintField(field, static_cast<uint64_t>(id), out);
}

struct Place {
  const RowBatch* batch;
  const StandbyLayout* layout;
  size_t shard;
  std::string partition_name;
  PartitionId partition;
};

void AppendPlace(const Place& place, std::string* out) {
  wire::AppendBytesField(kShardName, place.layout->vchannels[place.shard], out);
  wire::AppendBytesField(kDbName, place.batch->target.database, out);
  wire::AppendBytesField(kCollectionName, place.batch->target.collection, out);
  if (!place.partition_name.empty()) {
    wire::AppendBytesField(kPartitionName, place.partition_name, out);
  }
  AppendId(kCollectionId, place.layout->id.value, out);
  AppendId(kPartitionId, place.partition.value, out);
}

StandbyMessage Finish(int type, size_t rows, PieceWriter* writer) {
  StandbyMessage message{.type = type, .rows = rows, .body = writer->Finish(), .body_size = 0};
  message.body_size = TotalSize(message.body);
  return message;
}

// The partitions of a collection with a partition key are numbered: "_default_0", "_default_1", ….
// Only the number can be compared: the prefix is a setting of each server.
std::string_view NumberOf(std::string_view partition) {
  const size_t at = partition.rfind('_');
  return at == std::string_view::npos ? partition : partition.substr(at);
}

// Where the rows of an insert go. If the batch names no partition, they go to the default one. With
// a partition key there is no default: they go to the partition with the same number as the
// source's.
Status FindPartition(const RowBatch& batch, Place* place) {
  const auto& partitions = place->layout->partitions;
  std::string name = batch.partition;
  if (name.empty() && !place->layout->has_partition_key) {
    place->partition = place->layout->default_partition;
    return OkStatus();
  }
  auto found = partitions.find(name);
  if (name.empty()) {
    name = batch.messages.front()->partition_name;
    found = std::find_if(partitions.begin(), partitions.end(), [&name](const auto& each) {
      return NumberOf(each.first) == NumberOf(name);
    });
  }
  if (found == partitions.end()) {
    return NotFoundError("no partition " + name + " of " + batch.target.ToString());
  }
  place->partition_name = found->first;
  place->partition = found->second;
  return OkStatus();
}

// As FindPartition, but without a name the keys are deleted in all partitions.
Result<Place> PlaceOfKeys(const RowBatch& batch, const Place& rows) {
  Place place = rows;
  place.partition_name.clear();
  place.partition = kAllPartitions;
  if (!batch.partition.empty()) {
    CDC_RETURN_IF_ERROR(FindPartition(batch, &place));
  }
  return place;
}

Status CheckKind(const std::vector<KeyColumn>& keys) {
  for (const KeyColumn& each : keys) {
    if (each.is_string != keys.front().is_string) {
      return DataLossError("keys of two types in one delete");
    }
  }
  return OkStatus();
}

// `keys` are views of the batch's messages, one column per message, so each message owns its piece.
Result<StandbyMessage> EncodeDelete(const Place& place,
                                    const std::vector<KeyColumn>& keys,
                                    size_t rows) {
  if (rows == 0 || keys.empty()) {
    return InvalidArgumentError("a delete without keys");
  }
  CDC_RETURN_IF_ERROR(CheckKind(keys));
  size_t size = 0;
  for (const KeyColumn& each : keys) {
    size += each.body.size();
  }
  PieceWriter writer;
  std::string& text = writer.text();
  AppendPlace(place, &text);
  wire::AppendVarintField(kDeleteRows, rows, &text);
  const int ids = keys.front().is_string ? kStringIds : kIntIds;
  wire::AppendBytesHeader(kPrimaryKeys, wire::BytesFieldSize(ids, size), &text);
  wire::AppendBytesHeader(ids, size, &text);
  for (size_t i = 0; i < keys.size(); ++i) {
    writer.Append(keys[i].body, place.batch->messages[i]);
  }
  return Finish(kDelete, rows, &writer);
}

// An upsert deletes the keys of the rows it inserts.
Result<std::vector<KeyColumn>> KeysOf(const RowBatch& batch) {
  std::vector<KeyColumn> keys;
  for (const MessagePtr& message : batch.messages) {
    const auto key =
        std::find_if(message->columns.begin(), message->columns.end(),
                     [&batch](const Column& each) { return each.name == batch.primary_key; });
    if (key == message->columns.end()) {
      return DataLossError("an insert without its keys " + batch.primary_key);
    }
    keys.push_back({.is_string = key->type != DataType::kInt64, .body = key->body});
  }
  return keys;
}

// Row ids distinguish the rows that a server holds with the same timestamp. Where the source has
// none, they are made from the message's time and the row's index.
void AppendRowIds(const RowBatch& batch, PieceWriter* writer) {
  std::vector<std::string> made;
  made.reserve(batch.messages.size());
  std::vector<std::pair<std::string_view, const MessagePtr*>> pieces;
  uint64_t row = 0;
  size_t size = 0;
  for (const MessagePtr& message : batch.messages) {
    if (!message->row_ids.empty()) {
      pieces.emplace_back(message->row_ids, &message);
    } else {
      std::string& ids = made.emplace_back();
      for (uint64_t i = 0; i < message->rows; ++i) {
        wire::AppendVarint((message->ts.value << 8) + row + i, &ids);
      }
      pieces.emplace_back(ids, nullptr);
    }
    row += message->rows;
    size += pieces.back().first.size();
  }
  wire::AppendBytesHeader(kRowIds, size, &writer->text());
  for (const auto& [bytes, owner] : pieces) {
    if (owner == nullptr) {
      writer->text().append(bytes);
    } else {
      writer->Append(bytes, *owner);
    }
  }
}

Result<StandbyMessage> EncodeInsert(const Place& place) {
  const RowBatch& batch = *place.batch;
  const StandbyLayout& layout = *place.layout;
  PieceWriter writer;
  AppendPlace(place, &writer.text());
  AppendRowIds(batch, &writer);
  const ColumnFormat format{.field_number = kFieldsData,
                            .without_null_rows = false,
                            .leaves_out = {},
                            .field_id = [&layout](const Column& column) {
                              if (column.is_dynamic) {
                                return layout.dynamic_field;
                              }
                              const auto found = layout.fields.find(column.name);
                              return found == layout.fields.end() ? column.field : found->second;
                            }};
  CDC_RETURN_IF_ERROR(EncodeColumns(batch.messages, format, &writer));
  size_t rows = 0;
  for (const MessagePtr& message : batch.messages) {
    rows += message->rows;
  }
  wire::AppendVarintField(kInsertRows, rows, &writer.text());
  wire::AppendVarintField(kVersion, kColumnBased, &writer.text());
  return Finish(kInsert, rows, &writer);
}

std::string Base(int type, uint64_t stamp) {
  std::string base;
  wire::AppendVarintField(kMsgType, static_cast<uint64_t>(type), &base);
  wire::AppendVarintField(kMsgId, stamp, &base);
  wire::AppendVarintField(kBaseTimestamp, stamp, &base);
  wire::AppendVarintField(kSourceId, kNoNode, &base);
  return base;
}

// The fields that hold the stamp, which precede the body.
std::string StampedHead(const StandbyMessage& message, uint64_t stamp) {
  std::string head;
  wire::AppendBytesField(kBase, Base(message.type, stamp), &head);
  if (message.rows > 0) {
    std::string one;
    wire::AppendVarint(stamp, &one);
    wire::AppendBytesHeader(kTimestamps, one.size() * message.rows, &head);
    head.reserve(head.size() + one.size() * message.rows);
    for (size_t i = 0; i < message.rows; ++i) {
      head.append(one);
    }
  }
  return head;
}

StandbyMessage DropMessage(int type, std::string text) {
  StandbyMessage message{.type = type, .rows = 0, .body = {}, .body_size = text.size()};
  message.body.push_back(Payload::Own(std::move(text)));
  return message;
}

}  // namespace

Result<StandbyRows> EncodeStandbyRows(const RowBatch& batch, const StandbyLayout& layout) {
  CDC_CHECK(!batch.messages.empty());
  CDC_ASSIGN_OR_RETURN(const size_t shard, ShardIndex(batch.messages.front()->vchannel));
  if (shard >= layout.vchannels.size()) {
    return FailedPreconditionError(
        "collection " + batch.target.ToString() +
        " has fewer shards on the target: " + std::to_string(layout.vchannels.size()));
  }
  Place place{
      .batch = &batch, .layout = &layout, .shard = shard, .partition_name = {}, .partition = {}};
  StandbyRows rows{.pchannel = layout.pchannels[shard], .messages = {}};
  if (batch.op != RowOp::kInsert) {
    std::vector<KeyColumn> keys = batch.deletes;
    if (batch.op == RowOp::kUpsert) {
      CDC_ASSIGN_OR_RETURN(keys, KeysOf(batch));
    }
    CDC_ASSIGN_OR_RETURN(const Place place_of_keys, PlaceOfKeys(batch, place));
    CDC_ASSIGN_OR_RETURN(StandbyMessage message, EncodeDelete(place_of_keys, keys, batch.rows));
    rows.messages.push_back(std::move(message));
  }
  if (batch.op != RowOp::kDelete) {
    CDC_RETURN_IF_ERROR(FindPartition(batch, &place));
    CDC_ASSIGN_OR_RETURN(StandbyMessage message, EncodeInsert(place));
    rows.messages.push_back(std::move(message));
  }
  return rows;
}

StandbyMessage DropCollectionMessage(const CollectionName& name, CollectionId id) {
  std::string text;
  wire::AppendBytesField(kDropDbName, name.database, &text);
  wire::AppendBytesField(kDropCollectionName, name.collection, &text);
  AppendId(kDropCollectionId, id.value, &text);
  return DropMessage(kDropCollection, std::move(text));
}

StandbyMessage DropPartitionMessage(const CollectionName& name,
                                    CollectionId id,
                                    const std::string& partition,
                                    PartitionId partition_id) {
  // The fields of msg.DropPartitionRequest.
  std::string text;
  wire::AppendBytesField(2, name.database, &text);
  wire::AppendBytesField(3, name.collection, &text);
  wire::AppendBytesField(4, partition, &text);
  AppendId(6, id.value, &text);
  AppendId(7, partition_id.value, &text);
  return DropMessage(kDropPartition, std::move(text));
}

std::vector<Payload> EncodeStandbyRequest(const StandbyRequest& request,
                                          const std::vector<const StandbyMessage*>& messages) {
  std::vector<Payload> pieces;
  std::string text;
  std::string info;
  wire::AppendVarintField(kIsReplicate, 1, &info);
  std::string base;
  wire::AppendBytesField(kReplicateInfo, info, &base);
  wire::AppendBytesField(kBase, base, &text);
  wire::AppendBytesField(kChannelName, request.pchannel, &text);
  wire::AppendVarintField(kBeginTs, request.begin, &text);
  wire::AppendVarintField(kEndTs, request.end, &text);
  uint64_t stamp = request.begin;
  for (const StandbyMessage* message : messages) {
    const std::string head = StampedHead(*message, stamp++);
    wire::AppendBytesHeader(kMsgs, head.size() + message->body_size, &text);
    text.append(head);
    pieces.push_back(Payload::Own(std::exchange(text, {})));
    pieces.insert(pieces.end(), message->body.begin(), message->body.end());
  }
  std::string tick;
  wire::AppendBytesField(kBase, Base(kTimeTick, request.end), &tick);
  wire::AppendBytesField(kMsgs, tick, &text);
  pieces.push_back(Payload::Own(std::move(text)));
  return pieces;
}

}  // namespace cdc
