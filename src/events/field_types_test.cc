// The type matrix: what each type of a field looks like in `after`, and in the schema.
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "events/testing/event_rows.h"

namespace cdc {
namespace {

using ::milvus::proto::schema::FieldData;
using nlohmann::json;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The values of a column in `after`, row by row; or the error.
json Values(const Field& field,
            const FieldData& data,
            uint32_t rows,
            const EventOptions& options = TestEventOptions()) {
  std::vector<int64_t> keys(rows);
  const auto events = Write(SchemaOf({KeyField(), field}), RowsOf({Keys(keys), data}, rows),
                            RowChange::kInsert, options);
  if (!events.ok()) {
    return events.status().ToString();
  }
  json values = json::array();
  for (const WrittenEvent& event : *events) {
    values.push_back(event.After().at(field.name));
  }
  return values;
}

TEST(FieldTypes, Bool) {
  const Field field = MakeField(101, "f", DataType::kBool);
  FieldData data = DataOf(field);
  auto* values = data.mutable_scalars()->mutable_bool_data();
  values->add_data(true);
  values->add_data(false);
  EXPECT_EQ(Values(field, data, 2), json({true, false}));
}

TEST(FieldTypes, SmallIntegers) {
  for (const auto& [type, min, max] : {std::tuple{DataType::kInt8, -128, 127},
                                       {DataType::kInt16, -32768, 32767},
                                       {DataType::kInt32, std::numeric_limits<int32_t>::min(),
                                        std::numeric_limits<int32_t>::max()}}) {
    const Field field = MakeField(101, "f", type);
    FieldData data = DataOf(field);
    auto* values = data.mutable_scalars()->mutable_int_data();
    for (const int value : {0, -1, min, max}) {
      values->add_data(value);
    }
    EXPECT_EQ(Values(field, data, 4), json({0, -1, min, max}));
  }
}

// A source that does not check the range stores the low bits.
TEST(FieldTypes, IntegersBeyondTheirTypeAreWhatTheSourceStores) {
  const Field field = MakeField(101, "f", DataType::kInt8);
  FieldData data = DataOf(field);
  data.mutable_scalars()->mutable_int_data()->add_data(300);
  EXPECT_EQ(Values(field, data, 1), json::array({44}));
}

TEST(FieldTypes, Int64) {
  const std::vector<int64_t> wanted = {0, -1, std::numeric_limits<int64_t>::min(),
                                       std::numeric_limits<int64_t>::max()};
  const Field field = MakeField(101, "f", DataType::kInt64);
  EXPECT_EQ(Values(field, LongField(101, "f", wanted), 4), json(wanted));
}

TEST(FieldTypes, FloatAndDouble) {
  const Field field = MakeField(101, "f", DataType::kFloat);
  FieldData data = DataOf(field);
  for (const float value : {0.1F, -3.0F, 1e-45F, kInfinity}) {
    data.mutable_scalars()->mutable_float_data()->add_data(value);
  }
  EXPECT_EQ(Values(field, data, 4), json::parse(R"([0.1,-3,1e-45,"Infinity"])"));
  const Field wide = MakeField(101, "f", DataType::kDouble);
  FieldData doubles = DataOf(wide);
  for (const double value : {0.1, 5e-324, std::numeric_limits<double>::quiet_NaN()}) {
    doubles.mutable_scalars()->mutable_double_data()->add_data(value);
  }
  EXPECT_EQ(Values(wide, doubles, 3), json({0.1, 5e-324, "NaN"}));
}

TEST(FieldTypes, Texts) {
  for (const DataType type : {DataType::kVarChar, DataType::kString, DataType::kText}) {
    const Field field = MakeField(101, "f", type);
    FieldData data = VarCharField(101, "f", {"", "a\n\"b\"", "\xF0\x9F\x90\xA6"});
    data.set_type(static_cast<::milvus::proto::schema::DataType>(type));
    EXPECT_EQ(Values(field, data, 3), json({"", "a\n\"b\"", "\xF0\x9F\x90\xA6"}));
  }
}

TEST(FieldTypes, JsonIsItsText) {
  const Field field = MakeField(101, "f", DataType::kJson);
  FieldData data = DataOf(field);
  const std::string text = R"({"a":[1,"b"],  "c":null})";
  data.mutable_scalars()->mutable_json_data()->add_data(text);
  EXPECT_EQ(Values(field, data, 1), json::array({text}));
}

TEST(FieldTypes, GeometryIsAJsonTextInBothForms) {
  const Field field = MakeField(101, "f", DataType::kGeometry);
  FieldData wkb = DataOf(field);
  wkb.mutable_scalars()->mutable_geometry_data()->add_data("\x01\xFF");
  EXPECT_EQ(Values(field, wkb, 1), json::array({"{\"wkb\":\"Af8=\"}"}));
  // The protobuf that we have does not know this form: a GeometryWktArray.
  Message message = RowsOf({Keys({1}), wkb}, 1);
  message.columns[1].oneof_field = 12;
  message.columns[1].body = "\x0a\x0bPOINT (1 2)";
  const auto events = Write(SchemaOf({KeyField(), field}), message);
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].After()["f"], "{\"wkt\":\"POINT (1 2)\"}");
}

// The protobuf that we have does not know this type: as numbers it is a TimestamptzArray.
TEST(FieldTypes, TimestamptzIsATextInBothForms) {
  const Field field = MakeField(101, "f", DataType::kTimestamptz);
  const FieldData numbers =
      LongField(101, "f",
                {0, 1'715'000'889'123'456, -1, -62'167'219'200'000'000, 253'402'300'799'999'999,
                 std::numeric_limits<int64_t>::min()});
  Message message = RowsOf({Keys({1, 2, 3, 4, 5, 6}), numbers}, 6);
  message.columns[1].type = DataType::kTimestamptz;
  message.columns[1].oneof_field = 11;
  const auto events = Write(SchemaOf({KeyField(), field}), message);
  ASSERT_TRUE(events.ok()) << events.status().ToString();
  EXPECT_EQ((*events)[0].After()["f"], "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ((*events)[1].After()["f"], "2024-05-06T13:08:09.123456Z");
  EXPECT_EQ((*events)[2].After()["f"], "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ((*events)[3].After()["f"], "0000-01-01T00:00:00.000000Z");
  EXPECT_EQ((*events)[4].After()["f"], "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ((*events)[5].After()["f"], "-9223372036854775808");
  Message texts = RowsOf({Keys({1}), VarCharField(101, "f", {"2024-05-06T07:08:09+02:00"})}, 1);
  texts.columns[1].type = DataType::kTimestamptz;
  const auto as_text = Write(SchemaOf({KeyField(), field}), texts);
  ASSERT_TRUE(as_text.ok()) << as_text.status().ToString();
  EXPECT_EQ((*as_text)[0].After()["f"], "2024-05-06T07:08:09+02:00");
}

FieldData ArrayData(const Field& field,
                    const std::vector<::milvus::proto::schema::ScalarField>& rows) {
  FieldData data = DataOf(field);
  auto* array = data.mutable_scalars()->mutable_array_data();
  for (const auto& row : rows) {
    *array->add_data() = row;
  }
  return data;
}

TEST(FieldTypes, ArraysAreJsonTexts) {
  ::milvus::proto::schema::ScalarField bools, ints, longs, floats, doubles, texts, none;
  bools.mutable_bool_data()->add_data(true);
  bools.mutable_bool_data()->add_data(false);
  for (const int value : {-128, 127}) {
    ints.mutable_int_data()->add_data(value);
  }
  longs.mutable_long_data()->add_data(std::numeric_limits<int64_t>::min());
  floats.mutable_float_data()->add_data(0.1F);
  floats.mutable_float_data()->add_data(-kInfinity);
  doubles.mutable_double_data()->add_data(0.1);
  texts.mutable_string_data()->add_data("a\"b");
  texts.mutable_string_data()->add_data("");
  struct Case {
    DataType element;
    ::milvus::proto::schema::ScalarField row;
    const char* text;
  };
  for (const Case& each :
       std::initializer_list<Case>{{DataType::kBool, bools, "[true,false]"},
                                   {DataType::kInt8, ints, "[-128,127]"},
                                   {DataType::kInt64, longs, "[-9223372036854775808]"},
                                   {DataType::kFloat, floats, R"([0.1,"-Infinity"])"},
                                   {DataType::kDouble, doubles, "[0.1]"},
                                   {DataType::kVarChar, texts, R"(["a\"b",""])"}}) {
    Field field = MakeField(101, "f", DataType::kArray);
    field.element_type = each.element;
    EXPECT_EQ(Values(field, ArrayData(field, {each.row, none}), 2), json::array({each.text, "[]"}));
  }
}

TEST(FieldTypes, SparseVectorIsAJsonText) {
  const Field field = MakeField(101, "f", DataType::kSparseFloatVector);
  FieldData data = DataOf(field);
  auto* vectors = data.mutable_vectors()->mutable_sparse_float_vector();
  // (3, 0.5), (4294967295, -1)
  vectors->add_contents(
      std::string("\x03\x00\x00\x00\x00\x00\x00\x3f\xff\xff\xff\xff\x00\x00\x80\xbf", 16));
  vectors->add_contents("");
  EXPECT_EQ(Values(field, data, 2), json::array({"{\"3\":0.5,\"4294967295\":-1}", "{}"}));
}

TEST(FieldTypes, FloatVector) {
  const Field field = MakeField(101, "f", DataType::kFloatVector);
  const FieldData data = FloatVectorField(101, "f", 2, {0.5F, -1, 1e-7F, kInfinity});
  EXPECT_EQ(Values(field, data, 2), json::parse(R"([[0.5,-1],[1e-7,"Infinity"]])"));
  EventOptions options = TestEventOptions();
  options.vectors = VectorFormat::kBase64;
  EXPECT_EQ(Values(field, data, 2, options), json::array({"AAAAPwAAgL8=", "lb/WMwAAgH8="}));
}

TEST(FieldTypes, OtherVectorsAreBytes) {
  const auto check = [](DataType type, int64_t dim, const auto& set) {
    const Field field = MakeField(101, "f", type);
    FieldData data = DataOf(field);
    data.mutable_vectors()->set_dim(dim);
    set(data.mutable_vectors());
    EXPECT_EQ(Values(field, data, 2), json::array({"AAE=", "Av8="})) << DataTypeName(type);
  };
  const std::string two("\x00\x01\x02\xff", 4);
  check(DataType::kBinaryVector, 16, [&](auto* v) { v->set_binary_vector(two); });
  check(DataType::kFloat16Vector, 1, [&](auto* v) { v->set_float16_vector(two); });
  check(DataType::kBFloat16Vector, 1, [&](auto* v) { v->set_bfloat16_vector(two); });
  check(DataType::kInt8Vector, 2, [&](auto* v) { v->set_int8_vector(two); });
}

}  // namespace
}  // namespace cdc
