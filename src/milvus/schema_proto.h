#pragma once

#include <string>

#include "base/status.h"
#include "model/schema.h"

namespace milvus::proto::schema {
class CollectionSchema;
}

namespace cdc {

// Serializes the schema of a CreateCollection request. kDataLoss: a default value or a function of
// `schema` is malformed. kInvalidArgument: a type is not supported.
Result<std::string> SerializeSchema(const std::string& collection, const Schema& schema);

// Converts the schema that a target describes, without its system fields and the dynamic field.
Schema SchemaFromProto(const ::milvus::proto::schema::CollectionSchema& proto);

}  // namespace cdc
