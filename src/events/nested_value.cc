#include "events/nested_value.h"

#include <cstdint>

#include "events/scalar_value.h"
#include "model/column_layout.h"
#include "wire/wire_reader.h"

namespace cdc {
namespace {

// Appends the elements of the array message of a ScalarField, which are packed or one by one.
class ElementWriter {
 public:
  ElementWriter(DataType type, int form, JsonBuffer* out) : type_(type), form_(form), out_(out) {}

  // Whether the reader is at elements of the form.
  bool Add(const WireReader& reader) {
    switch (form_) {
      case kBoolData:
      case kIntData:
      case kLongData:
      case kTimestamptzData: return AddIntegers(reader);
      case kFloatData: return AddFixed(reader, WireType::kFixed32, sizeof(float));
      case kDoubleData: return AddFixed(reader, WireType::kFixed64, sizeof(double));
      case kStringData:
      case kBytesData: return AddText(reader);
      default: return false;
    }
  }

 private:
  void Separate() {
    out_->Append(first_ ? "" : ",");
    first_ = false;
  }

  void AddInteger(uint64_t number) {
    Separate();
    AppendInteger(type_, number, out_);
  }

  bool AddIntegers(const WireReader& reader) {
    if (reader.type() == WireType::kVarint) {
      AddInteger(reader.number());
      return true;
    }
    PackedReader numbers(reader.bytes());
    for (uint64_t number = 0; numbers.Next(&number);) {
      AddInteger(number);
    }
    return reader.type() == WireType::kBytes && !numbers.malformed();
  }

  bool AddFixed(const WireReader& reader, WireType single, size_t width) {
    if (reader.type() != WireType::kBytes && reader.type() != single) {
      return false;
    }
    std::string_view bytes = reader.bytes();
    for (; bytes.size() >= width; bytes.remove_prefix(width)) {
      Separate();
      single == WireType::kFixed32 ? out_->AppendFloat(Load<float>(bytes))
                                   : out_->AppendDouble(Load<double>(bytes));
    }
    return bytes.empty();
  }

  bool AddText(const WireReader& reader) {
    if (reader.type() != WireType::kBytes) {
      return false;
    }
    Separate();
    out_->AppendString(reader.bytes());
    return true;
  }

  const DataType type_;
  const int form_;
  JsonBuffer* const out_;
  bool first_ = true;
};

}  // namespace

Status AppendArray(DataType element_type, std::string_view scalars, JsonBuffer* out) {
  WireReader row(scalars);
  int form = 0;  // none: the array is empty
  std::string_view array;
  while (row.Next()) {
    form = row.field();
    array = row.type() == WireType::kBytes ? row.bytes() : std::string_view();
  }
  CDC_RETURN_IF_ERROR(row.status());
  out->Append("[");
  ElementWriter writer(element_type, form, out);
  WireReader elements(array);
  while (elements.Next()) {
    if (elements.field() == kArrayData && !writer.Add(elements)) {
      return elements.Error("an array has elements of a wrong form");
    }
  }
  CDC_RETURN_IF_ERROR(elements.status());
  out->Append("]");
  return OkStatus();
}

Status AppendSparse(std::string_view pairs, JsonBuffer* out) {
  constexpr size_t kPair = sizeof(uint32_t) + sizeof(float);
  if (pairs.size() % kPair != 0) {
    return DataLossError("a sparse vector is malformed");
  }
  out->Append("{");
  for (bool first = true; !pairs.empty(); pairs.remove_prefix(kPair), first = false) {
    out->Append(first ? "\"" : ",\"");
    out->AppendUnsigned(Load<uint32_t>(pairs));
    out->Append("\":");
    out->AppendFloat(Load<float>(pairs.substr(sizeof(uint32_t))));
  }
  out->Append("}");
  return OkStatus();
}

void AppendGeometry(int form, std::string_view value, JsonBuffer* out) {
  out->Append(form == kWktData ? R"({"wkt":)" : R"({"wkb":)");
  form == kWktData ? static_cast<void>(out->AppendString(value)) : out->AppendBase64(value);
  out->Append("}");
}

}  // namespace cdc
