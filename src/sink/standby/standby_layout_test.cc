#include "sink/standby/standby_layout.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "milvus.pb.h"
#include "milvus/endpoint.h"
#include "milvus/testing/fake_milvus_server.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

using ::testing::ElementsAre;

TEST(StandbyLayout, ChannelsAreOrderedByTheNumbersOfTheirShards) {
  pb::DescribeCollectionResponse collection;
  pb::ShowPartitionsResponse partitions;
  for (const char* name : {"d-dml_9_3v1", "d-dml_10_3v0"}) {
    collection.add_virtual_channel_names(name);
  }
  for (const char* name : {"d-dml_9", "d-dml_10"}) {
    collection.add_physical_channel_names(name);
  }
  collection.mutable_schema()->add_fields()->set_fieldid(100);
  collection.mutable_schema()->add_fields()->set_fieldid(104);
  for (const int id : {12, 11}) {
    partitions.add_partitionids(id);
    partitions.add_partition_names("p" + std::to_string(id));
  }
  const auto layout = MakeStandbyLayout(collection, partitions);
  ASSERT_TRUE(layout.ok()) << layout.status().ToString();
  EXPECT_THAT(layout->vchannels, ElementsAre("d-dml_10_3v0", "d-dml_9_3v1"));
  EXPECT_THAT(layout->pchannels, ElementsAre("d-dml_10", "d-dml_9"));
  EXPECT_EQ(layout->default_partition.value, 11);
  EXPECT_EQ(layout->dynamic_field.value, 105);
  collection.add_virtual_channel_names("d-dml_9_3v1");
  EXPECT_FALSE(MakeStandbyLayout(collection, partitions).ok());
}

class StandbyLayoutsTest : public ::testing::Test {
 protected:
  using Reply = FakeMilvusServer::Reply;

  StandbyLayoutsTest() {
    SetId(7);
    server_.On("ShowPartitions",
               [](const auto&) { return Reply::Of(pb::ShowPartitionsResponse()); });
  }

  void SetId(int64_t id) {
    pb::DescribeCollectionResponse collection;
    collection.set_collectionid(id);
    server_.On("DescribeCollection", [collection](const auto&) { return Reply::Of(collection); });
  }

  Result<StandbyLayoutPtr> Find() {
    const auto promise = std::make_shared<std::promise<Result<StandbyLayoutPtr>>>();
    layouts_.Find(name_, [promise](const auto& layout) { promise->set_value(layout); });
    return promise->get_future().get();
  }

  const CollectionName name_{"default", "a"};
  std::atomic<bool> forgotten_ = false;
  FakeClock clock_;
  FakeMilvusServer server_;
  StandbyLayouts layouts_{&channel_, {.clock = &clock_, .on_layout = [](const auto&) {}}};
  MilvusChannel channel_{*ParseEndpoint(server_.uri()), {}};  // its callbacks use all above
};

TEST_F(StandbyLayoutsTest, ALayoutIsCachedForTenSeconds) {
  EXPECT_EQ((*Find())->id, CollectionId{7});
  SetId(8);
  clock_.Advance(std::chrono::milliseconds(9'999));
  EXPECT_EQ((*Find())->id, CollectionId{7});
  clock_.Advance(std::chrono::milliseconds(1));
  EXPECT_EQ((*Find())->id, CollectionId{8});
}

TEST_F(StandbyLayoutsTest, AForgottenLayoutIsReadAgain) {
  EXPECT_EQ((*Find())->id, CollectionId{7});
  SetId(8);
  layouts_.Forget(name_);
  EXPECT_EQ((*Find())->id, CollectionId{8});
}

TEST_F(StandbyLayoutsTest, ForgettingDuringAReadRepeatsIt) {
  server_.On("ShowPartitions", [this](const auto&) {
    if (!forgotten_.exchange(true)) {
      SetId(8);
      layouts_.Forget(name_);
    }
    return Reply::Of(pb::ShowPartitionsResponse());
  });
  EXPECT_EQ((*Find())->id, CollectionId{8});
}

}  // namespace
}  // namespace cdc
