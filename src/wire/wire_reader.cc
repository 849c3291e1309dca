#include "wire/wire_reader.h"

namespace cdc {
namespace {

Status WrongType(const WireReader& reader, const char* name) {
  return reader.Error(std::string(name) + " has a wrong wire type");
}

}  // namespace

Status ReadField(const WireReader& reader, const char* name, std::string_view* value) {
  if (reader.type() != WireType::kBytes) {
    return WrongType(reader, name);
  }
  *value = reader.bytes();
  return OkStatus();
}

Status ReadField(const WireReader& reader, const char* name, uint64_t* value) {
  if (reader.type() != WireType::kVarint) {
    return WrongType(reader, name);
  }
  *value = reader.number();
  return OkStatus();
}

Status ReadField(const WireReader& reader, const char* name, int64_t* value) {
  uint64_t number = 0;
  CDC_RETURN_IF_ERROR(ReadField(reader, name, &number));
  *value = static_cast<int64_t>(number);
  return OkStatus();
}

Status ReadField(const WireReader& reader, const char* name, bool* value) {
  uint64_t number = 0;
  CDC_RETURN_IF_ERROR(ReadField(reader, name, &number));
  *value = number != 0;
  return OkStatus();
}

}  // namespace cdc
