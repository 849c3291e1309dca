#include "reconcile/plan/lacks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Collection WithNewThings() {
  Collection collection;
  collection.schema.fields = {{.name = "id", .type = DataType::kInt64, .is_primary_key = true},
                              {.name = "half", .type = DataType::kFloat16Vector},
                              {.name = "place", .type = DataType::kGeometry},
                              {.name = "note", .type = DataType::kVarChar, .nullable = true}};
  collection.indexes = {
      {.name = "by_half", .params = {{"index_type", "HNSW_SQ"}, {"metric_type", "L2"}}}};
  return collection;
}

TEST(LacksTest, NamesWhatAnOldVersionDoesNotHave) {
  EXPECT_THAT(WhatVersionLacks(WithNewThings(), "2.3.5"),
              ElementsAre(HasSubstr("field half: Float16Vector needs Milvus 2.4, and the target is "
                                    "a 2.3"),
                          HasSubstr("field place: Geometry needs Milvus 2.6"),
                          HasSubstr("field note: that it is nullable needs Milvus 2.5"),
                          HasSubstr("index by_half: HNSW_SQ needs Milvus 2.5")));
  EXPECT_THAT(WhatVersionLacks(WithNewThings(), "v2.5.1-dev"), ElementsAre(HasSubstr("Geometry")));
}

TEST(LacksTest, FindsNothingInANewOrUnknownVersion) {
  for (const char* version : {"2.6.0", "v3.0.1", "", "milvus-lite 3.2.2", "2", "x.y"}) {
    EXPECT_THAT(WhatVersionLacks(WithNewThings(), version), IsEmpty()) << version;
  }
}

}  // namespace
}  // namespace cdc
