#include "model/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Field TextArray(const std::string& max_length) {
  Field field{.id = {101},
              .name = "texts",
              .type = DataType::kArray,
              .element_type = DataType::kVarChar,
              .type_params = {{"max_capacity", "10"}}};
  if (!max_length.empty()) {
    field.type_params.push_back({"max_length", max_length});
  }
  return field;
}

TEST(SchemaDifferences, ATargetNeedNotLimitTheElementsOfAnArray) {
  const Schema source{.fields = {TextArray("600")}};
  EXPECT_THAT(SchemaDifferences(source, {.fields = {TextArray("")}}), IsEmpty());
  EXPECT_THAT(SchemaDifferences(source, {.fields = {TextArray("500")}}),
              ElementsAre("field texts: max_length is 600 on the source, 500 on the target"));
}

TEST(SchemaDifferences, ATextFieldKeepsItsLimit) {
  Field source{.id = {101}, .name = "text", .type = DataType::kVarChar};
  source.type_params = {{"max_length", "600"}};
  Field target = source;
  target.type_params.clear();
  EXPECT_THAT(SchemaDifferences({.fields = {source}}, {.fields = {target}}),
              ElementsAre("field text: max_length is 600 on the source, unset on the target"));
}

TEST(UnsupportedTypes, NamesTheFieldAndTheType) {
  const Field unknown{.id = {101}, .name = "shape", .type = static_cast<DataType>(77)};
  const Field structs{.id = {102}, .name = "parts", .type = DataType::kArrayOfVector};
  const Field array{.id = {103},
                    .name = "many",
                    .type = DataType::kArray,
                    .element_type = static_cast<DataType>(78)};
  const Schema schema{.fields = {TextArray("1"), unknown, structs, array}};
  EXPECT_THAT(UnsupportedTypes(schema),
              ElementsAre("field shape: its type is not supported: type 77",
                          "field parts: its type is not supported: ArrayOfVector",
                          "field many: its element type is not supported: type 78"));
  // Even an identical collection on the target does not help.
  EXPECT_EQ(SchemaDifferences(schema, schema).size(), 3U);
}

TEST(Schema, FunctionOutputs) {
  const Schema schema{.fields = {{.id = {100}, .name = "id"},
                                 {.id = {102}, .name = "sparse", .is_function_output = true}}};
  EXPECT_THAT(schema.FunctionOutputs(), ElementsAre(FieldId{102}));
}

}  // namespace
}  // namespace cdc
