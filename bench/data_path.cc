#include "data_path.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <grpcpp/support/byte_buffer.h>

#include "decode/decode.h"
#include "encode/row_encoder.h"
#include "rows.h"
#include "rows/upsert_pairing.h"

namespace cdc {
namespace {

constexpr Timestamp kAnyTime{std::numeric_limits<uint64_t>::max()};
constexpr FieldId kPrimaryKey{kKeyField};

TaskSpec EverythingTask() {
  TaskSpec spec;
  spec.db_collections["*"] = {{.name = "*", .positions = {}}};
  return spec;
}

Status AppendKeys(const Message& message, std::vector<uint64_t>* keys) {
  const auto column = std::find_if(message.columns.begin(), message.columns.end(),
                                   [](const Column& each) { return each.field == kPrimaryKey; });
  if (column == message.columns.end() || !AppendKeyHashes({.body = column->body}, keys)) {
    return DataLossError("no keys");
  }
  return OkStatus();
}

}  // namespace

DataPath::DataPath()
    : task_(EverythingTask()),
      scope_(task_),
      tracker_(std::make_shared<AckTracker>("channel", MsgId{}, Timestamp{})) {}

Status DataPath::Push(MsgId id, const Payload& record) {
  CDC_ASSIGN_OR_RETURN(MessagePtr message, DecodeMessage(std::move(id), record));
  if (auto group = order_.Push(std::move(message))) {
    return Release(*std::move(group));
  }
  return OkStatus();
}

Status DataPath::Release(TickGroup group) {
  std::vector<PendingRows> pushed;
  std::vector<AckTracker::TrackedRecord> records;
  for (RowEvent& event : PairUpserts(group.messages, kPrimaryKey)) {
    PendingRows rows;
    rows.op = event.op;
    rows.bytes = event.message->payload.bytes.size();
    rows.keys.reserve(event.message->rows);
    CDC_RETURN_IF_ERROR(AppendKeys(*event.message, &rows.keys));
    rows.tickets.push_back({.group = 0, .index = static_cast<uint32_t>(records.size())});
    records.push_back({.id = event.message->id, .bytes = rows.bytes});
    rows.message = std::move(event.message);
    pushed.push_back(std::move(rows));
  }
  const uint64_t number = tracker_->AddGroup(group.resolved, group.restart, std::move(records));
  for (PendingRows& rows : pushed) {
    rows.tickets.front().group = number;
    rows.tracker = tracker_;
    lane_.Push(std::move(rows));
  }
  return Write();
}

Status DataPath::Write() {
  while (true) {
    const Lane::Batch batch = lane_.Take({}, kAnyTime, [](const Message&) { return true; });
    if (batch.rows.empty()) {
      return OkStatus();
    }
    grpc::ByteBuffer request;
    CDC_RETURN_IF_ERROR(EncodeRows(MakeBatch(batch), ExpressionDialect::kMilvus, &request));
    ++requests_;
    request_bytes_ += request.Length();
    rows_ += batch.keys;
    for (const PendingRows& rows : batch.rows) {
      tracker_->Ack(rows.tickets.front());
    }
    lane_.Finish(batch);
  }
}

RowBatch DataPath::MakeBatch(const Lane::Batch& batch) const {
  CDC_CHECK(scope_.Covers(source_));
  RowBatch rows;
  rows.op = batch.rows.front().op;
  rows.target = scope_.Target(source_);
  rows.partition = "_default";
  rows.primary_key = "id";
  for (const PendingRows& each : batch.rows) {
    rows.messages.push_back(each.message);
  }
  rows.rows = batch.keys;
  rows.bytes = batch.bytes;
  return rows;
}

}  // namespace cdc
