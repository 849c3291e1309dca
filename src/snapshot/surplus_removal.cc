#include "snapshot/surplus_removal.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/fault_point.h"
#include "decode/decode.h"
#include "rows/make_rows.h"
#include "sink/row_sink.h"
#include "snapshot/delete_record.h"

namespace cdc {
namespace {

constexpr int kPlans = 5;    // of one reading: the source compacts what is being read
constexpr int kRounds = 20;  // until it looks as if deletes had no effect
constexpr size_t kWaitingBytes = 8U << 20;  // of deletes that are not acknowledged
constexpr size_t kKeysPerDelete = kMaxDeleteKeys / 4;
constexpr size_t kBytesPerDelete = kMaxDeleteBytes / 4;

size_t MaxKeyBytes(const Field& key) {
  if (key.type == DataType::kInt64) {
    return 0;
  }
  size_t longest = 65'535;
  for (const KeyValue& param : key.type_params) {
    if (param.key == "max_length") {
      std::from_chars(param.value.data(), param.value.data() + param.value.size(), longest);
    }
  }
  return std::max<size_t>(longest, 1);
}

}  // namespace

struct SurplusRemoval::Attempt {
  const Collection& collection;
  const Field& key;
  const std::map<std::string, Takeover>& takeover;
  const WaitUntil& wait_until;
  const std::stop_token& stop;
  // False: the target chooses the partitions of rows itself, or has one row of each key.
  bool by_partition = true;
};

SurplusRemoval::SurplusRemoval(Parts parts)
    : parts_(std::move(parts)),
      tracker_(std::make_shared<AckTracker>(parts_.channel, MsgId{}, Timestamp{})) {}

Status SurplusRemoval::Run(const Collection& collection,
                           const std::map<std::string, Takeover>& takeover,
                           const WaitUntil& wait_until,
                           const std::stop_token& stop) {
  const Field* const key = collection.schema.PrimaryKey();
  if (key == nullptr) {
    return DataLossError("the collection has no primary key");
  }
  Attempt attempt{collection, *key, takeover, wait_until, stop};
  CDC_ASSIGN_OR_RETURN(const RowGate gate, WaitForGate(attempt));
  if (gate.may_hold_until == Timestamp{}) {
    return OkStatus();
  }
  if (parts_.target == nullptr) {
    return FailedPreconditionError(
        "the rows of this kind of target cannot be read, so those that the source does not have "
        "cannot be found: drop the collection there and run `milvus-cdc task retry`");
  }
  attempt.by_partition = !gate.partition_key && parts_.target->has_keys_by_partition();
  if (!attempt.by_partition && !parts_.selection.partitions.empty()) {
    return FailedPreconditionError(
        "single partitions cannot be compared, because this target has one row of each key: copy "
        "the collection as a whole (`milvus-cdc task snapshot` without --partition)");
  }
  const uint64_t deletes_before = last_delete_;
  std::vector<KeyShare> shares{KeyShare()};
  while (!shares.empty()) {
    KeyShare share = shares.back();
    shares.pop_back();
    CDC_ASSIGN_OR_RETURN(const KeySet keys, ReadSource(attempt, &share, &shares));
    int rounds = 0;
    for (bool found = true; found;) {
      if (++rounds > kRounds) {
        return UnavailableError(gate.target.ToString() +
                                " on the target: rows that were deleted are still there");
      }
      CDC_ASSIGN_OR_RETURN(found, RemoveOthers(attempt, share, keys));
      found = found && !parts_.dry_run;
    }
  }
  spdlog::info("{}: the target has only rows that the source has; deletes sent: {}",
               gate.target.ToString(), last_delete_ - deletes_before);
  return OkStatus();
}

// The gate is asked for again and again: the collection may be renamed meanwhile.
Result<RowGate> SurplusRemoval::WaitForGate(const Attempt& attempt) const {
  std::optional<RowGate> gate;
  CDC_RETURN_IF_ERROR(attempt.wait_until([&] {
    gate = parts_.gate(attempt.collection.id);
    return gate.has_value();
  }));
  return *std::move(gate);
}

// Reads the keys of `share`. If they are too many, it becomes smaller, and the rest is added to
// `later`.
Result<KeySet> SurplusRemoval::ReadSource(const Attempt& attempt,
                                          KeyShare* share,
                                          std::vector<KeyShare>* later) {
  Status read;
  for (int i = 0; i < kPlans; ++i) {
    CDC_ASSIGN_OR_RETURN(
        const std::unique_ptr<CollectionSnapshot> plan,
        parts_.source->Plan(attempt.collection, attempt.takeover, parts_.selection, attempt.stop));
    KeySet keys;
    read = ReadPlan(attempt, *plan, share, later, &keys);
    if (read.ok()) {
      keys.Sort();
      return keys;
    }
    if (read.code() != StatusCode::kNotFound) {
      return read;
    }
  }
  return read;
}

Status SurplusRemoval::ReadPlan(const Attempt& attempt,
                                const CollectionSnapshot& plan,
                                KeyShare* share,
                                std::vector<KeyShare>* later,
                                KeySet* keys) {
  for (const auto& [vchannel, shard] : plan.shards()) {
    for (const CollectionSnapshot::Part& part : shard.parts) {
      const std::unique_ptr<SnapshotRows> rows = plan.ReadKeys(vchannel, part.id);
      for (;;) {
        CDC_ASSIGN_OR_RETURN(std::optional<SnapshotRecord> record, rows->Next(attempt.stop));
        if (!record.has_value()) {
          break;
        }
        CDC_RETURN_IF_ERROR(AddKeys(attempt, *std::move(record), *share, keys));
        while (keys->bytes() > parts_.set_bytes) {
          later->push_back(share->Halve());
          keys->Keep(*share);
        }
      }
    }
  }
  return OkStatus();
}

Status SurplusRemoval::AddKeys(const Attempt& attempt,
                               SnapshotRecord record,
                               const KeyShare& share,
                               KeySet* keys) {
  CDC_ASSIGN_OR_RETURN(const MessagePtr message, DecodeMessage(MsgId{}, std::move(record.payload)));
  const auto column = std::ranges::find(message->columns, attempt.key.id, &Column::field);
  if (column == message->columns.end()) {
    return DataLossError("a stored row without its key");
  }
  const auto add = [&](PrimaryKey key) {
    if (share.Has(key)) {
      keys->Add(attempt.by_partition ? message->partition : kAllPartitions, std::move(key));
    }
  };
  const KeyColumn values{.is_string = KeyFieldOf(attempt.key).is_string, .body = column->body};
  if (values.is_string) {
    std::vector<std::string_view> texts;
    if (!AppendStringKeys(values, &texts)) {
      return DataLossError("malformed primary keys");
    }
    std::ranges::for_each(texts, [&](std::string_view text) { add(std::string(text)); });
  } else {
    std::vector<uint64_t> numbers;
    if (!AppendKeyHashes(values, &numbers)) {
      return DataLossError("malformed primary keys");
    }
    std::ranges::for_each(numbers, [&](uint64_t number) { add(static_cast<int64_t>(number)); });
  }
  return OkStatus();
}

// Returns whether there were any.
Result<bool> SurplusRemoval::RemoveOthers(const Attempt& attempt,
                                          const KeyShare& share,
                                          const KeySet& keys) {
  CDC_ASSIGN_OR_RETURN(const RowGate gate, WaitForGate(attempt));
  bool found = false;
  if (!attempt.by_partition) {
    CDC_ASSIGN_OR_RETURN(found, RemoveOthersOf(attempt, kAllPartitions, share, keys));
  } else {
    for (const PartitionId partition : gate.partitions) {
      if (!IsSelected(attempt.collection, partition)) {
        continue;
      }
      CDC_ASSIGN_OR_RETURN(const bool here, RemoveOthersOf(attempt, partition, share, keys));
      found = found || here;
    }
  }
  CDC_RETURN_IF_ERROR(
      attempt.wait_until([this] { return tracker_->checkpoint().value == last_delete_; }));
  return found;
}

bool SurplusRemoval::IsSelected(const Collection& collection, PartitionId partition) const {
  if (parts_.selection.partitions.empty()) {
    return true;
  }
  const Partition* const known = collection.FindPartition(partition);
  return known != nullptr && parts_.selection.HasPartition(known->name);
}

Result<bool> SurplusRemoval::RemoveOthersOf(const Attempt& attempt,
                                            PartitionId partition,
                                            const KeyShare& share,
                                            const KeySet& keys) {
  bool found = false;
  std::optional<PrimaryKey> after;
  do {
    CDC_ASSIGN_OR_RETURN(const RowGate gate, WaitForGate(attempt));
    KeyScope scope{.target = gate.target,
                   .primary_key = gate.primary_key,
                   .max_key_bytes = MaxKeyBytes(attempt.key),
                   .partition = {},
                   .filter = {}};
    if (partition != kAllPartitions) {
      const auto name = gate.names.find(partition);
      if (name == gate.names.end()) {
        return found;  // dropped meanwhile
      }
      scope.partition = name->second;
    }
    CDC_ASSIGN_OR_RETURN(const KeyPage page, parts_.target->ReadKeys(scope, after, attempt.stop));
    std::vector<PrimaryKey> surplus;
    std::ranges::copy_if(page.keys, std::back_inserter(surplus), [&](const PrimaryKey& key) {
      return share.Has(key) && !keys.Contains(partition, key);
    });
    if (!surplus.empty()) {
      found = true;
      CDC_RETURN_IF_ERROR(Delete(attempt, partition, surplus));
      FaultPoint("during_surplus_removal");
    }
    // Not longer than necessary: the bytes of what waits are bounded.
    CDC_RETURN_IF_ERROR(
        attempt.wait_until([this] { return tracker_->pending_bytes() < kWaitingBytes; }));
    after = page.next;
  } while (after.has_value());
  return found;
}

// Sends the deletes of some keys at a time: see RowSink.
Status SurplusRemoval::Delete(const Attempt& attempt,
                              PartitionId partition,
                              const std::vector<PrimaryKey>& keys) {
  for (size_t begin = 0; begin < keys.size();) {
    size_t end = begin;
    for (size_t bytes = 0; end < keys.size() && end - begin < kKeysPerDelete &&
                           (end == begin || bytes < kBytesPerDelete);
         ++end) {
      const auto* text = std::get_if<std::string>(&keys[end]);
      bytes += text != nullptr ? text->size() : sizeof(int64_t);
    }
    const std::span<const PrimaryKey> some(&keys[begin], end - begin);
    for (const std::string& vchannel : attempt.collection.vchannels) {
      const DeletePlace place{.collection = attempt.collection.id,
                              .partition = partition,
                              .vchannel = vchannel,
                              .time = {last_delete_ + 1}};
      CDC_RETURN_IF_ERROR(Push(attempt, EncodeDeleteRecord(place, some)));
      if (!parts_.tell_all_shards) {
        break;
      }
    }
    begin = end;
  }
  return OkStatus();
}

Status SurplusRemoval::Push(const Attempt& attempt, std::string record) {
  CDC_ASSIGN_OR_RETURN(MessagePtr message, DecodeMessage(MsgId{}, Payload::Own(std::move(record))));
  const std::string lane = "surplus " + std::string(message->vchannel);
  CDC_ASSIGN_OR_RETURN(PendingRows rows,
                       MakeRows(RowOp::kDelete, std::move(message), KeyFieldOf(attempt.key)));
  const uint64_t group =
      tracker_->AddGroup(Timestamp{++last_delete_}, MsgId{},
                         {{.id = MsgId{}, .bytes = rows.bytes, .rows = rows.keys.size()}});
  rows.tickets = {{.group = group, .index = 0}};
  rows.copied = true;
  std::vector<PendingRows> pushed;
  pushed.push_back(std::move(rows));
  parts_.consumer->Push(attempt.collection.id, lane, tracker_, std::move(pushed));
  return OkStatus();
}

}  // namespace cdc
