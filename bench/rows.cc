#include "rows.h"

#include "msg.pb.h"
#include "schema.pb.h"

namespace cdc {
namespace {

namespace proto = milvus::proto;

// A pseudo-random number between 0 and 1 for each place of each vector.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}

  float Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<float>(state_ >> 40) * 0x1p-24F;
  }

 private:
  uint64_t state_;
};

}  // namespace

proto::schema::CollectionSchema BenchSchema(const std::string& collection, int dim) {
  proto::schema::CollectionSchema schema;
  schema.set_name(collection);
  auto* key = schema.add_fields();
  key->set_fieldid(kKeyField);
  key->set_name("id");
  key->set_is_primary_key(true);
  key->set_data_type(proto::schema::Int64);
  auto* vector = schema.add_fields();
  vector->set_fieldid(kVectorField);
  vector->set_name("vector");
  vector->set_data_type(proto::schema::FloatVector);
  auto* param = vector->add_type_params();
  param->set_key("dim");
  param->set_value(std::to_string(dim));
  return schema;
}

void FillKeys(int64_t first, int count, proto::schema::FieldData* field) {
  field->set_type(proto::schema::Int64);
  field->set_field_name("id");
  field->set_field_id(kKeyField);
  auto* data = field->mutable_scalars()->mutable_long_data()->mutable_data();
  data->Reserve(count);
  for (int row = 0; row < count; ++row) {
    data->AddAlreadyReserved(first + row);
  }
}

void FillVectors(int64_t first, int count, int dim, proto::schema::FieldData* field) {
  field->set_type(proto::schema::FloatVector);
  field->set_field_name("vector");
  field->set_field_id(kVectorField);
  field->mutable_vectors()->set_dim(dim);
  auto* data = field->mutable_vectors()->mutable_float_vector()->mutable_data();
  data->Reserve(count * dim);
  for (int row = 0; row < count; ++row) {
    Random random(static_cast<uint64_t>(first + row));
    for (int i = 0; i < dim; ++i) {
      data->AddAlreadyReserved(random.Next());
    }
  }
}

std::string InsertRecord(int64_t first, int count, int dim, uint64_t timestamp) {
  proto::msg::InsertRequest insert;
  insert.mutable_base()->set_msg_type(proto::common::Insert);
  insert.mutable_base()->set_msgid(first + 1);
  insert.mutable_base()->set_timestamp(timestamp);
  insert.set_shardname("by-dev-rootcoord-dml_0_470642876028028048v0");
  insert.set_db_name("default");
  insert.set_collection_name("rows");
  insert.set_partition_name("_default");
  insert.set_collectionid(470642876028028048);
  insert.set_partitionid(470642876028028049);
  insert.set_num_rows(static_cast<uint64_t>(count));
  insert.set_version(proto::msg::ColumnBased);
  for (int row = 0; row < count; ++row) {
    insert.add_timestamps(timestamp);
    insert.add_rowids(470642876028028048 + first + row);
  }
  FillKeys(first, count, insert.add_fields_data());
  FillVectors(first, count, dim, insert.add_fields_data());
  return insert.SerializeAsString();
}

std::string TickRecord(uint64_t timestamp) {
  proto::msg::TimeTickMsg tick;
  tick.mutable_base()->set_msg_type(proto::common::TimeTick);
  tick.mutable_base()->set_timestamp(timestamp);
  tick.mutable_base()->set_sourceid(1);
  return tick.SerializeAsString();
}

}  // namespace cdc
