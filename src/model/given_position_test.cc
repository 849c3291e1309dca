#include "model/given_position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;

TEST(GivenPositionTest, ThePositionsOfMilvusHaveATime) {
  // Of channel by-dev-dml_0_5v0, id 1 of RocksMQ, time 912, with a group.
  const Result<Takeover> place =
      DecodePositionText("ChBieS1kZXYtZG1sXzBfNXYwEggBAAAAAAAAABoBZyCQBw==");
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(place->position.bytes, std::string("\1\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(place->ts, Timestamp{912});
}

TEST(GivenPositionTest, OursCanBeGivenBack) {
  const std::string id("\x08\x01\x10\x02", 4);
  const std::string text = EncodePositionText("by-dev-dml_0", MsgId{id});
  const Result<Takeover> place = DecodePositionText(text);
  ASSERT_TRUE(place.ok());
  EXPECT_EQ(place->position.bytes, id);
  EXPECT_EQ(place->ts, Timestamp{});
  EXPECT_THAT(EncodePositionText(std::string(200, 'c'), MsgId{"x"}), testing::StartsWith("CsgB"));
}

// Whatever the bytes of an id look like.
TEST(GivenPositionTest, AnIdAloneIsTakenAsItIs) {
  for (const std::string& id : {std::string("\1\0\0\0\0\0\0\0", 8), std::string("\x08\x01\x10\x02"),
                                std::string("\x12\x06"
                                            "abcdef"),
                                std::string("\xff")}) {
    const Result<Takeover> place = DecodePositionText(EncodeBase64(id));
    ASSERT_TRUE(place.ok());
    EXPECT_EQ(place->position.bytes, id);
    EXPECT_EQ(place->ts, Timestamp{});
  }
}

TEST(GivenPositionTest, NamesOfVchannels) {
  const Result<VchannelName> name =
      ParseVchannelName("by-dev-rootcoord-dml_3_450541344162316901v1");
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(name->pchannel, "by-dev-rootcoord-dml_3");
  EXPECT_EQ(name->collection, CollectionId{450'541'344'162'316'901});
  for (const char* wrong : {"", "dml", "_5v0", "dml_0", "dml_v0", "dml_5v", "dml_5x0", "dml_5v0x",
                            "dml_5v-1", "dml_99999999999999999999v0"}) {
    const Status status = ParseVchannelName(wrong).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << wrong;
    EXPECT_THAT(status.message(), HasSubstr("the vchannel is invalid, " + std::string(wrong)));
  }
}

TEST(GivenPositionTest, PositionsAreOfOneCollection) {
  const Result<GivenPositions> given =
      ReadGivenPositions({{"dml_0_5v0", "AQI="}, {"dml_1_5v1", "AwQ="}});
  ASSERT_TRUE(given.ok());
  EXPECT_EQ(given->collection, CollectionId{5});
  EXPECT_EQ(given->places.at("dml_1_5v1").position.bytes, "\3\4");
  EXPECT_EQ(ReadGivenPositions({{"dml_0_5v0", "AQI="}, {"dml_1_6v0", "AwQ="}}).status(),
            InvalidArgumentError("the channel position info should be in the same collection"));
  for (const char* text : {"", "!", "AQI"}) {
    const Status status = ReadGivenPositions({{"dml_0_5v0", text}}).status();
    EXPECT_EQ(status.code(), StatusCode::kInternal);
    EXPECT_THAT(status.message(), HasSubstr("fail to decode the position data: "));
  }
}

TEST(GivenPositionTest, AllEntriesOfATaskAreLookedAt) {
  TaskSpec spec;
  spec.collection_infos = {{.name = "c", .positions = {{"dml_0_5v0", "AQI="}}}};
  spec.db_collections["d"] = {{.name = "c", .positions = {{"dml_0_6v0", "AQI="}}}};
  spec.rpc_channel_position = "AQI=";
  EXPECT_TRUE(CheckGivenPositions(spec).ok());
  spec.rpc_channel_position = "?";
  EXPECT_THAT(CheckGivenPositions(spec).message(),
              HasSubstr("fail to decode the rpc position data: "));
  spec.db_collections["d"][0].positions["dml_0_6v0"] = "?";
  EXPECT_THAT(CheckGivenPositions(spec).message(), HasSubstr("fail to decode the position data"));
}

}  // namespace
}  // namespace cdc
