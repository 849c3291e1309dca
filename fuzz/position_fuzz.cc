// Positions and task specifications, as queues write them, as users give them, and as the metastore
// or that of an earlier program holds them.
//
// Input: the bytes of any of them; every decoder is given all.
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.h"
#include "metastore/etcd/etcd_changes.h"
#include "metastore/legacy/legacy_records.h"
#include "metastore/msg_id_list.h"
#include "metastore/task_spec_json.h"
#include "model/given_position.h"
#include "model/ids.h"
#include "source/kafka/kafka_log_offset.h"
#include "source/pulsar/pulsar_id.h"
#include "source/rocksmq/rocksmq_log_key.h"

namespace cdc {
namespace {

void CheckError(const Status& status, StatusCode code) {
  FUZZ_EXPECT(status.code() == code, status.ToString());
  FUZZ_EXPECT(!status.message().empty(), "");
  FUZZ_EXPECT(status.message().size() <= fuzz::kMaxErrorBytes, status.message());
}

void RunRocksmq(const std::string& bytes) {
  const auto id = DecodeRocksmqId(MsgId{bytes});
  if (!id.ok()) {
    CheckError(id.status(), StatusCode::kInvalidArgument);
  } else {
    FUZZ_EXPECT(*id >= 0 && EncodeRocksmqId(*id).bytes == bytes, "not the same position");
  }
  const auto key = ParseRocksmqId(bytes);
  if (key) {
    FUZZ_EXPECT(*key >= 0, std::to_string(*key));
    FUZZ_EXPECT(bytes.find(std::to_string(*key)) != std::string::npos, bytes);
  }
}

void RunKafka(const std::string& bytes) {
  const auto offset = DecodeKafkaOffset(MsgId{bytes});
  if (!offset.ok()) {
    CheckError(offset.status(), StatusCode::kInvalidArgument);
    return;
  }
  FUZZ_EXPECT(*offset >= 0 && EncodeKafkaOffset(*offset).bytes == bytes, "not the same position");
  const KafkaWatermarks watermarks{.low = 100, .high = 1000};
  const bool there = CheckKafkaOffset("c", *offset, watermarks).ok();
  FUZZ_EXPECT(there == (*offset >= watermarks.low && *offset <= watermarks.high),
              std::to_string(*offset));
}

void RunPulsar(const std::string& bytes) {
  const auto id = DecodePulsarId(MsgId{bytes});
  if (!id.ok()) {
    CheckError(id.status(), StatusCode::kInvalidArgument);
    return;
  }
  // Many forms are the same position, but each position has one form of ours.
  const auto again = DecodePulsarId(EncodePulsarId(*id));
  FUZZ_EXPECT(again.ok() && *again == *id, "not the same position");
  FUZZ_EXPECT(id->ledger >= 0 && id->entry >= 0 && id->batch_index >= 0, id->ToString());
}

void RunMsgIds(std::string_view blob) {
  std::vector<MsgId> ids;
  if (DecodeMsgIds(blob, &ids)) {
    FUZZ_EXPECT(EncodeMsgIds(ids) == blob, "not the same list");
  }
}

void RunTaskSpec(const std::string& text) {
  const auto spec = DecodeTaskSpec("t1", text);
  if (!spec.ok()) {
    CheckError(spec.status(), StatusCode::kDataLoss);
    return;
  }
  const std::string encoded = EncodeTaskSpec(*spec);
  const auto again = DecodeTaskSpec("t1", encoded);
  FUZZ_EXPECT(again.ok(), again.status().ToString());
  FUZZ_EXPECT(EncodeTaskSpec(*again) == encoded, encoded);
}

void RunGiven(const std::string& text) {
  const auto place = DecodePositionText(text);
  if (!place.ok()) {
    CheckError(place.status(), StatusCode::kInternal);
  } else {
    FUZZ_EXPECT(!place->position.empty(), "a position without an id");
    const auto again = DecodePositionText(EncodePositionText("c", place->position));
    FUZZ_EXPECT(again.ok() && again->position == place->position, "not the same position");
  }
  const auto name = ParseVchannelName(text);
  if (!name.ok()) {
    FUZZ_EXPECT(name.status().code() == StatusCode::kInvalidArgument, name.status().ToString());
  } else {
    FUZZ_EXPECT(text.starts_with(name->pchannel + "_"), text);
  }
}

void RunJournal(const std::string& bytes) {
  const auto operations = etcd_changes::Decode(bytes);
  if (operations) {
    FUZZ_EXPECT(etcd_changes::Encode(*operations) == bytes, "not the same journal");
  }
}

// As a task and as its position.
void RunLegacy(const std::string& text) {
  for (const LegacyRecords& records :
       {LegacyRecords{.tasks = {{"r/task_info/t", text}}, .positions = {}},
        LegacyRecords{.tasks = {}, .positions = {{"r/task_position/t/5", text}}}}) {
    const auto content = ReadLegacyRecords(records, Timestamp{1});
    if (!content.ok()) {
      CheckError(content.status(), StatusCode::kDataLoss);
    }
  }
}

}  // namespace
}  // namespace cdc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  cdc::RunRocksmq(input);
  cdc::RunKafka(input);
  cdc::RunPulsar(input);
  cdc::RunMsgIds(input);
  cdc::RunTaskSpec(input);
  cdc::RunGiven(input);
  cdc::RunJournal(input);
  cdc::RunLegacy(input);
  return 0;
}
