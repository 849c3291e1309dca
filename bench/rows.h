#pragma once

#include <cstdint>
#include <string>

namespace milvus::proto::schema {
class CollectionSchema;
class FieldData;
}  // namespace milvus::proto::schema

namespace cdc {

// The rows that are measured with: an int64 key "id", and a float vector "vector" whose values
// follow from the key. Whoever makes the row of a key makes the same row.
inline constexpr int kKeyField = 100;
inline constexpr int kVectorField = 101;

milvus::proto::schema::CollectionSchema BenchSchema(const std::string& collection, int dim);

// The columns of the rows `first` to `first + count - 1`.
void FillKeys(int64_t first, int count, milvus::proto::schema::FieldData* field);
void FillVectors(int64_t first, int count, int dim, milvus::proto::schema::FieldData* field);

// What a source's queue holds for an insert of these rows: the bytes of an InsertRequest.
std::string InsertRecord(int64_t first, int count, int dim, uint64_t timestamp);

// A time tick.
std::string TickRecord(uint64_t timestamp);

}  // namespace cdc
