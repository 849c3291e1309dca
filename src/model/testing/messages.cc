#include "model/testing/messages.h"

#include <memory>
#include <utility>

#include "wire/wire_writer.h"

namespace cdc {
namespace {

constexpr int kData = 1;

// Bodies of schema.LongArray and schema.StringArray.
std::string KeyBody(const std::vector<int64_t>& keys) {
  std::string packed;
  for (const int64_t key : keys) {
    wire::AppendVarint(static_cast<uint64_t>(key), &packed);
  }
  std::string body;
  wire::AppendBytesField(kData, packed, &body);
  return body;
}

std::string KeyBody(const std::vector<std::string>& keys) {
  std::string body;
  for (const std::string& key : keys) {
    wire::AppendBytesField(kData, key, &body);
  }
  return body;
}

std::shared_ptr<Message> Make(MessageType type, int at, uint64_t ts) {
  auto message = std::make_shared<Message>();
  message->type = type;
  message->id = {std::to_string(at)};
  message->ts = {ts};
  return message;
}

MessagePtr MakeRows(
    MessageType type, int at, uint64_t ts, std::string body, size_t rows, bool is_string) {
  auto message = Make(type, at, ts);
  message->message_id = at;
  message->rows = static_cast<uint32_t>(rows);
  message->payload = Payload::Own(std::move(body));
  if (type == MessageType::kDelete) {
    message->keys = {.is_string = is_string, .body = message->payload.bytes};
  } else {
    Column key;
    key.field = kTestKey;
    key.type = is_string ? DataType::kVarChar : DataType::kInt64;
    key.kind = ColumnKind::kScalarArray;
    key.body = message->payload.bytes;
    message->columns.push_back(key);
  }
  return message;
}

}  // namespace

MessagePtr MakeTick(int at, uint64_t ts) { return Make(MessageType::kTick, at, ts); }
MessagePtr MakeDrop(int at, uint64_t ts) { return Make(MessageType::kDropCollection, at, ts); }

MessagePtr MakeInsert(int at, uint64_t ts, const std::vector<int64_t>& keys) {
  return MakeRows(MessageType::kInsert, at, ts, KeyBody(keys), keys.size(), false);
}
MessagePtr MakeDelete(int at, uint64_t ts, const std::vector<int64_t>& keys) {
  return MakeRows(MessageType::kDelete, at, ts, KeyBody(keys), keys.size(), false);
}
MessagePtr MakeInsert(int at, uint64_t ts, const std::vector<std::string>& keys) {
  return MakeRows(MessageType::kInsert, at, ts, KeyBody(keys), keys.size(), true);
}
MessagePtr MakeDelete(int at, uint64_t ts, const std::vector<std::string>& keys) {
  return MakeRows(MessageType::kDelete, at, ts, KeyBody(keys), keys.size(), true);
}

MessagePtr WithMessageId(const MessagePtr& message, int64_t message_id) {
  auto copy = std::make_shared<Message>();
  copy->type = message->type;
  copy->id = message->id;
  copy->ts = message->ts;
  copy->message_id = message_id;
  copy->rows = message->rows;
  copy->columns = message->columns;
  copy->keys = message->keys;
  copy->payload = message->payload;
  return copy;
}

std::string Show(const MessagePtr& message) {
  switch (message->type) {
    case MessageType::kInsert: return "I" + message->id.bytes;
    case MessageType::kDelete: return "D" + message->id.bytes;
    case MessageType::kTick: return "T" + message->id.bytes;
    default: return "X" + message->id.bytes;
  }
}

}  // namespace cdc
