// How fast records of a DML channel become messages.
#include <cstdint>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "decode/decode.h"
#include "msg.pb.h"
#include "schema.pb.h"

namespace cdc {
namespace {

namespace proto = milvus::proto;

constexpr uint64_t kTime = 470642937143492611;
constexpr int64_t kFirstKey = 470642876028028048;
constexpr int kDim = 128;

proto::msg::InsertRequest MakeInsert(int rows) {
  proto::msg::InsertRequest insert;
  insert.mutable_base()->set_msg_type(proto::common::Insert);
  insert.mutable_base()->set_msgid(kFirstKey);
  insert.mutable_base()->set_timestamp(kTime);
  insert.set_shardname("by-dev-rootcoord-dml_0_470642876028028048v0");
  insert.set_collection_name("hello");
  insert.set_partition_name("_default");
  insert.set_collectionid(kFirstKey);
  insert.set_partitionid(kFirstKey + 1);
  insert.set_num_rows(static_cast<uint64_t>(rows));
  insert.set_version(proto::msg::ColumnBased);
  auto* key = insert.add_fields_data();
  key->set_field_name("id");
  key->set_field_id(100);
  key->set_type(proto::schema::Int64);
  auto* text = insert.add_fields_data();
  text->set_field_name("text");
  text->set_field_id(101);
  text->set_type(proto::schema::VarChar);
  auto* vector = insert.add_fields_data();
  vector->set_field_name("vector");
  vector->set_field_id(102);
  vector->set_type(proto::schema::FloatVector);
  vector->mutable_vectors()->set_dim(kDim);
  for (int row = 0; row < rows; ++row) {
    insert.add_timestamps(kTime);
    insert.add_rowids(kFirstKey + row);
    key->mutable_scalars()->mutable_long_data()->add_data(kFirstKey + row);
    text->mutable_scalars()->mutable_string_data()->add_data("row " + std::to_string(row));
    for (int i = 0; i < kDim; ++i) {
      vector->mutable_vectors()->mutable_float_vector()->add_data(0.5F * static_cast<float>(i));
    }
  }
  return insert;
}

void Decode(benchmark::State& state, std::string record, int64_t rows) {
  const auto size = static_cast<int64_t>(record.size());
  const Payload payload = Payload::Own(std::move(record));
  for (auto _ : state) {
    auto message = DecodeMessage({}, payload);
    if (!message.ok()) {
      state.SkipWithError(message.status().ToString().c_str());
      return;
    }
    benchmark::DoNotOptimize(message);
  }
  state.SetBytesProcessed(state.iterations() * size);
  state.SetItemsProcessed(state.iterations() * rows);
}

void BM_DecodeInsert(benchmark::State& state) {
  const auto rows = static_cast<int>(state.range(0));
  Decode(state, MakeInsert(rows).SerializeAsString(), rows);
}
BENCHMARK(BM_DecodeInsert)->Arg(1)->Arg(10)->Arg(100)->Arg(1000)->Arg(5000);

// The same by libprotobuf, for comparison.
void BM_ParseInsertWithProtobuf(benchmark::State& state) {
  const std::string record = MakeInsert(static_cast<int>(state.range(0))).SerializeAsString();
  for (auto _ : state) {
    proto::msg::InsertRequest insert;
    benchmark::DoNotOptimize(insert.ParseFromString(record));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(record.size()));
}
BENCHMARK(BM_ParseInsertWithProtobuf)->Arg(1)->Arg(1000);

void BM_DecodeDelete(benchmark::State& state) {
  const auto rows = state.range(0);
  proto::msg::DeleteRequest erase;
  erase.mutable_base()->set_msg_type(proto::common::Delete);
  erase.set_shardname("by-dev-rootcoord-dml_0_470642876028028048v0");
  erase.set_num_rows(rows);
  for (int64_t row = 0; row < rows; ++row) {
    erase.add_timestamps(kTime);
    erase.mutable_primary_keys()->mutable_int_id()->add_data(kFirstKey + row);
  }
  Decode(state, erase.SerializeAsString(), rows);
}
BENCHMARK(BM_DecodeDelete)->Arg(1)->Arg(1000);

void BM_DecodeTick(benchmark::State& state) {
  proto::msg::TimeTickMsg tick;
  tick.mutable_base()->set_msg_type(proto::common::TimeTick);
  tick.mutable_base()->set_timestamp(kTime);
  tick.mutable_base()->set_sourceid(1);
  Decode(state, tick.SerializeAsString(), 1);
}
BENCHMARK(BM_DecodeTick);

}  // namespace
}  // namespace cdc

BENCHMARK_MAIN();
