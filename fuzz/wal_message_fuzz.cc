// Records of a channel of the write-ahead log: decode, and the order with its transactions.
//
// Input: records, with fuzz::kSeparator between them. A record is a line `<property>=<value>` for
// each property, an empty line, and the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "decode/wal.h"
#include "feed/tick_order.h"
#include "fuzz.h"
#include "model/message.h"
#include "model/wal_properties.h"

namespace cdc {
namespace {

bool IsRow(const Message& message) {
  return message.type == MessageType::kInsert || message.type == MessageType::kDelete;
}

// Takes the properties from the front of `record`.
WalProperties ReadProperties(std::string_view* record) {
  WalProperties properties;
  while (true) {
    const std::string_view line = record->substr(0, record->find('\n'));
    record->remove_prefix(std::min(line.size() + 1, record->size()));
    if (line.empty()) {
      return properties;
    }
    const size_t equals = std::min(line.find('='), line.size() - 1);
    for (const WalPropertyName& each : kWalPropertyNames) {
      if (line.substr(0, equals) == each.name) {
        properties.*each.property = line.substr(equals + 1);
      }
    }
  }
}

// A copy of exactly the body's size.
Payload Copy(std::string_view bytes) {
  auto owner = std::shared_ptr<char[]>(new char[bytes.size()]);
  std::memcpy(owner.get(), bytes.data(), bytes.size());
  const std::string_view view(owner.get(), bytes.size());
  return {std::move(owner), view};
}

void CheckRows(const Message& message, const WalProperties& properties) {
  FUZZ_EXPECT(message.vchannel == properties.vchannel, message.vchannel);
  FUZZ_EXPECT(message.message_id == 0, "it could be taken for a producer's retry");
  fuzz::Touch(message.vchannel);
  fuzz::Touch(message.partition_name);
  fuzz::Touch(message.keys.body);
  for (const Column& column : message.columns) {
    fuzz::Touch(column.name);
    fuzz::Touch(column.body);
    fuzz::Touch(column.valid_data);
  }
}

std::optional<WalMessage> Decode(std::string_view record, size_t number) {
  WalProperties properties = ReadProperties(&record);
  auto decoded = DecodeWalMessage(MsgId{std::to_string(number)}, Copy(record), properties);
  if (!decoded.ok()) {
    const Status& status = decoded.status();
    FUZZ_EXPECT(
        status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kFailedPrecondition,
        status.ToString());
    FUZZ_EXPECT(!status.message().empty(), "");
    FUZZ_EXPECT(status.message().size() <= fuzz::kMaxErrorBytes, status.message());
    return std::nullopt;
  }
  const WalProperties given = std::exchange(properties, {});  // nothing may point into them
  const Message& message = *decoded->message;
  FUZZ_EXPECT(message.ts.value > 0, "it would count as read long ago");
  FUZZ_EXPECT(decoded->transaction.has_value() == !given.transaction.empty(), given.transaction);
  if (IsRow(message)) {
    CheckRows(message, given);
  }
  return *std::move(decoded);
}

// What the order makes of the messages of a channel.
class Channel {
 public:
  void Push(WalMessage message) {
    if (message.transaction.has_value()) {
      transactions_[message.message->id.bytes] = message.transaction->id;
      if (message.type == WalType::kCommitTransaction) {
        committed_.insert(message.transaction->id);
      }
    }
    Release(order_.Push(std::move(message)));
  }

  void End() {
    auto tick = std::make_shared<Message>();
    tick->type = MessageType::kTick;
    tick->ts = {std::numeric_limits<uint64_t>::max()};
    Release(order_.Push(MessagePtr(std::move(tick))));
    FUZZ_EXPECT(!transactions_.empty() || order_.held_bytes() + order_.held_messages() == 0,
                "held after the last tick");
  }

 private:
  void Release(const std::optional<TickGroup>& group) {
    if (!group) {
      return;
    }
    FUZZ_EXPECT(group->resolved > resolved_, "a tick that moves back");
    resolved_ = group->resolved;
    Timestamp last;
    for (const MessagePtr& message : group->messages) {
      FUZZ_EXPECT(last <= message->ts && message->ts <= group->resolved, "order");
      last = message->ts;
      FUZZ_EXPECT(released_.insert(message->id.bytes).second, "a message comes twice");
      const auto of = transactions_.find(message->id.bytes);
      FUZZ_EXPECT(of == transactions_.end() || committed_.contains(of->second),
                  "a part of a transaction without its commit");
    }
  }

  TickOrder order_;
  Timestamp resolved_;
  std::map<std::string, int64_t> transactions_;  // of the messages that are parts of one
  std::set<int64_t> committed_;
  std::set<std::string> released_;
};

void Run(std::string_view input) {
  Channel channel;
  size_t number = 0;
  for (const std::string_view record : fuzz::Split(input)) {
    if (auto message = Decode(record, number++)) {
      channel.Push(*std::move(message));
    }
  }
  channel.End();
}

}  // namespace
}  // namespace cdc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cdc::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
