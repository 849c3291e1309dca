// Records of a channel, in the order of the log: decode, order, and the requests made of them.
//
// Input: records, with fuzz::kSeparator between them.
#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <google/protobuf/stubs/logging.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include "decode/column.h"
#include "decode/decode.h"
#include "decode/header.h"
#include "decode/replicate.h"
#include "encode/delete_expression.h"
#include "encode/row_encoder.h"
#include "feed/tick_order.h"
#include "fuzz.h"
#include "milvus.pb.h"
#include "model/message.h"
#include "model/rows.h"
#include "msg.pb.h"
#include "rows/upsert_pairing.h"
#include "wire/wire_reader.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto;

constexpr FieldId kFirstField{100};

// A copy of exactly the record's size.
Payload Copy(std::string_view bytes) {
  auto owner = std::shared_ptr<char[]>(new char[bytes.size()]);
  std::memcpy(owner.get(), bytes.data(), bytes.size());
  const std::string_view view(owner.get(), bytes.size());
  return {std::move(owner), view};
}

bool Inside(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void CheckError(const Status& status) {
  FUZZ_EXPECT(status.code() == StatusCode::kDataLoss, status.ToString());
  FUZZ_EXPECT(!status.message().empty(), "");
  FUZZ_EXPECT(status.message().size() <= fuzz::kMaxErrorBytes, status.message());
}

std::string Flatten(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  FUZZ_EXPECT(buffer.Dump(&slices).ok(), "");
  std::string text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

bool HasNulls(const Column& column) {
  return column.valid_data.find('\0') != std::string_view::npos;
}

RowBatch BatchOf(RowOp op, std::vector<MessagePtr> messages) {
  RowBatch batch;
  batch.op = op;
  batch.target = {"default", "rows"};
  batch.primary_key = "id";
  for (const MessagePtr& message : messages) {
    batch.rows += message->rows;
    if (op == RowOp::kDelete) {
      batch.deletes.push_back(message->keys);
    }
  }
  batch.messages = std::move(messages);
  return batch;
}

// What was encoded must be read by the decoder as the same columns, of all rows.
void CheckEncoded(const std::string& request, const RowBatch& batch) {
  const std::vector<Column>& columns = batch.messages.front()->columns;
  std::deque<std::string> rebuilt;
  size_t found = 0;
  uint64_t rows = 0;
  WireReader reader(request, request.data());
  while (reader.Next()) {
    if (reader.field() == 7) {
      rows = reader.number();
    }
    if (reader.field() != 5) {
      continue;
    }
    FUZZ_EXPECT(found < columns.size(), "more columns than there were");
    const Column& column = columns[found++];
    const auto nulls = [&](const MessagePtr& message) {
      return std::any_of(message->columns.begin(), message->columns.end(), HasNulls);
    };
    if (std::any_of(batch.messages.begin(), batch.messages.end(), nulls)) {
      continue;  // a request has no place for the value of a null row
    }
    const auto again =
        DecodeColumn(reader.bytes(), static_cast<uint32_t>(batch.rows), request.data(), &rebuilt);
    FUZZ_EXPECT(again.ok(), again.status().ToString());
    FUZZ_EXPECT(again->name == column.name, again->name);
    FUZZ_EXPECT(again->type == column.type && again->kind == column.kind, column.name);
    FUZZ_EXPECT(again->oneof_field == column.oneof_field, column.name);
    FUZZ_EXPECT(batch.messages.size() > 1 || again->body == column.body, column.name);
  }
  FUZZ_EXPECT(reader.status().ok(), reader.status().ToString());
  FUZZ_EXPECT(found == columns.size(), "fewer columns than there were");
  FUZZ_EXPECT(rows == batch.rows, std::to_string(rows));
}

void Encode(const RowBatch& batch) {
  grpc::ByteBuffer buffer;
  const Status status = EncodeRows(batch, ExpressionDialect::kMilvus, &buffer);
  if (!status.ok()) {
    CheckError(status);
    return;
  }
  const std::string request = Flatten(buffer);
  if (batch.op != RowOp::kDelete) {
    CheckEncoded(request, batch);
  }
}

// libprotobuf reads the same columns out of the record, unless it refuses it (text that is not
// UTF-8, for example), and the same out of the request that is made of them.
void CompareWithProtobuf(const MessagePtr& message) {
  pb::msg::InsertRequest log;
  if (!log.ParseFromArray(message->payload.bytes.data(),
                          static_cast<int>(message->payload.bytes.size()))) {
    return;
  }
  FUZZ_EXPECT(static_cast<uint32_t>(log.timestamps_size()) == message->rows, "timestamps");
  FUZZ_EXPECT(log.shardname() == message->vchannel, log.shardname());
  FUZZ_EXPECT(log.collectionid() == message->collection.value, "collectionID");
  FUZZ_EXPECT(static_cast<size_t>(log.fields_data_size()) == message->columns.size(), "columns");
  grpc::ByteBuffer buffer;
  pb::milvus::InsertRequest request;
  const bool encoded =
      EncodeRows(BatchOf(RowOp::kInsert, {message}), ExpressionDialect::kMilvus, &buffer).ok();
  FUZZ_EXPECT(!encoded || request.ParseFromString(Flatten(buffer)), "the request is malformed");
  for (int i = 0; i < log.fields_data_size(); ++i) {
    pb::schema::FieldData& field = *log.mutable_fields_data(i);
    const Column& column = message->columns[static_cast<size_t>(i)];
    FUZZ_EXPECT(field.field_id() == column.field.value, column.name);
    FUZZ_EXPECT(field.type() == static_cast<int>(column.type), column.name);
    if (!encoded || HasNulls(column)) {
      continue;
    }
    field.DiscardUnknownFields();
    if (field.field_id() <= 0) {
      field.clear_field_id();  // it matches nothing and is not sent
    }
    request.mutable_fields_data(i)->DiscardUnknownFields();
    FUZZ_EXPECT(request.fields_data(i).SerializeAsString() == field.SerializeAsString(),
                column.name);
  }
}

void CheckInsert(const MessagePtr& message) {
  for (const Column& column : message->columns) {
    FUZZ_EXPECT(Inside(column.name, message->payload.bytes), column.name);
    FUZZ_EXPECT(Inside(column.body, message->payload.bytes), column.name);
    FUZZ_EXPECT(message->rows == 0 || column.kind != ColumnKind::kNone, column.name);
    FUZZ_EXPECT(column.valid_data.empty() || column.valid_data.size() == message->rows,
                column.name);
    fuzz::Touch(column.name);
    fuzz::Touch(column.body);
    fuzz::Touch(column.valid_data);
    // Any column may be the key.
    std::vector<uint64_t> keys;
    for (const bool is_string : {false, true}) {
      AppendKeyHashes({.is_string = is_string, .body = column.body}, &keys);
    }
  }
  if (message->rows > 0) {
    Encode(BatchOf(RowOp::kInsert, {message}));
    CompareWithProtobuf(message);
  }
}

void CheckDelete(const MessagePtr& message) {
  fuzz::Touch(message->keys.body);
  std::vector<uint64_t> hashes;
  std::vector<std::string_view> texts;
  const bool readable = AppendKeyHashes(message->keys, &hashes);
  const bool text = AppendStringKeys(message->keys, &texts);
  FUZZ_EXPECT(!readable || hashes.size() == message->rows, std::to_string(hashes.size()));
  FUZZ_EXPECT(!text || texts.size() == message->rows, std::to_string(texts.size()));
  if (message->rows > 0) {
    for (const auto dialect : {ExpressionDialect::kMilvus, ExpressionDialect::kLite}) {
      const auto expression = DeleteExpression("id", {message->keys}, dialect);
      FUZZ_EXPECT(!readable || expression.ok(), expression.status().ToString());
    }
    Encode(BatchOf(RowOp::kDelete, {message}));
  }
}

MessagePtr Decode(const Payload& payload, size_t number) {
  const auto header = DecodeHeader(payload.bytes);
  const auto request = DecodeReplicated(payload, true);
  if (!request.ok()) {
    CheckError(request.status());
  }
  auto decoded = DecodeMessage(MsgId{std::to_string(number)}, payload);
  if (!decoded.ok()) {
    CheckError(decoded.status());
    return nullptr;
  }
  FUZZ_EXPECT(header.ok(), "a message without a header");
  const MessagePtr message = *std::move(decoded);
  FUZZ_EXPECT(message->raw_type == header->type, "type");
  FUZZ_EXPECT(Inside(message->vchannel, payload.bytes), "vchannel");
  FUZZ_EXPECT(Inside(message->partition_name, payload.bytes), "partition_name");
  fuzz::Touch(message->vchannel);
  fuzz::Touch(message->partition_name);
  if (message->type == MessageType::kInsert) {
    CheckInsert(message);
  } else if (message->type == MessageType::kDelete) {
    CheckDelete(message);
  }
  return message;
}

// Every message is in the events once, and neighbours that have the same columns go together.
void Pair(const std::vector<MessagePtr>& rows) {
  std::map<const Message*, int> seen;
  std::vector<MessagePtr> together;
  const auto write = [&together] {
    if (!together.empty()) {
      Encode(BatchOf(RowOp::kInsert, std::exchange(together, {})));
    }
  };
  for (const RowEvent& event : PairUpserts(rows, kFirstField)) {
    ++seen[event.message.get()];
    for (const MessagePtr& also : event.also) {
      ++seen[also.get()];
      FUZZ_EXPECT(event.op == RowOp::kUpsert && also->type == MessageType::kDelete, "also");
    }
    FUZZ_EXPECT((event.op == RowOp::kDelete) == (event.message->type == MessageType::kDelete), "");
    if (event.op == RowOp::kDelete) {
      continue;
    }
    if (!together.empty() && !SameColumns(*together.front(), *event.message)) {
      write();
    }
    together.push_back(event.message);
  }
  write();
  FUZZ_EXPECT(seen.size() == rows.size(), "messages were lost");
  FUZZ_EXPECT(std::all_of(seen.begin(), seen.end(), [](const auto& e) { return e.second == 1; }),
              "a message is there twice");
}

void Release(const std::optional<TickGroup>& group) {
  if (!group) {
    return;
  }
  Timestamp last;
  std::map<std::string_view, std::vector<MessagePtr>> shards;
  for (const MessagePtr& message : group->messages) {
    FUZZ_EXPECT(last <= message->ts && message->ts <= group->resolved, "order");
    last = message->ts;
    const bool is_row =
        message->type == MessageType::kInsert || message->type == MessageType::kDelete;
    if (is_row && message->rows > 0) {
      shards[message->vchannel].push_back(message);
    }
  }
  for (const auto& [vchannel, rows] : shards) {
    Pair(rows);
  }
}

void Run(std::string_view input) {
  TickOrder order;
  size_t number = 0;
  for (const std::string_view record : fuzz::Split(input)) {
    MessagePtr message = Decode(Copy(record), number++);
    if (message != nullptr) {
      Release(order.Push(std::move(message)));
    }
  }
  auto tick = std::make_shared<Message>();
  tick->type = MessageType::kTick;
  tick->ts = {std::numeric_limits<uint64_t>::max()};
  Release(order.Push(std::move(tick)));
  FUZZ_EXPECT(order.held_messages() == 0 && order.held_bytes() == 0, "held after the last tick");
}

}  // namespace
}  // namespace cdc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* const kOldHandler = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(kOldHandler);
  cdc::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
