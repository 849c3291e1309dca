#include "sink/standby/standby_channels.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "milvus.pb.h"
#include "milvus/testing/fake_milvus_server.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A standby whose collection has the channel "listed".
class StandbyChannelsTest : public ::testing::Test {
 protected:
  using Reply = FakeMilvusServer::Reply;

  StandbyChannelsTest() : connection_(*StandbyConnection::New({.uri = server_.uri()})) {
    ::milvus::proto::milvus::ListDatabasesResponse databases;
    databases.add_db_names("default");
    server_.On("ListDatabases", [databases](const auto&) { return Reply::Of(databases); });
    ::milvus::proto::milvus::ShowCollectionsResponse collections;
    collections.add_collection_names("a");
    server_.On("ShowCollections", [collections](const auto&) { return Reply::Of(collections); });
    SetDescribe(Listed());
  }

  void SetDescribe(const Reply& reply) {
    server_.On("DescribeCollection", [reply](const auto&) { return reply; });
  }
  static Reply Listed() {
    ::milvus::proto::milvus::DescribeCollectionResponse collection;
    collection.add_physical_channel_names("listed");
    return Reply::Of(collection);
  }

  std::unique_ptr<StandbyChannels> Make(milliseconds interval = std::chrono::hours(1)) {
    return std::make_unique<StandbyChannels>(
        connection_.get(), StandbyChannels::Options{.name = server_.uri(),
                                                    .interval = interval,
                                                    .retry = milliseconds(1),
                                                    .call_timeout = kPatience,
                                                    .on_change = [this] { ++changes_; }});
  }

  FakeMilvusServer server_;
  std::unique_ptr<StandbyConnection> connection_;
  std::atomic<int> changes_ = 0;
};

TEST_F(StandbyChannelsTest, TheChannelsOfAllCollectionsAreListed) {
  const auto channels = Make();
  ASSERT_TRUE(Eventually([&] { return changes_ == 1; }));
  EXPECT_THAT(channels->Get(), ElementsAre("listed"));
}

TEST_F(StandbyChannelsTest, AFailedListingChangesNothingAndIsRepeated) {
  SetDescribe(Reply::Error(grpc::StatusCode::UNAVAILABLE, "starting"));
  const auto channels = Make();
  channels->Add({"added"});
  ASSERT_TRUE(server_.WaitForRequests("DescribeCollection", 3));
  EXPECT_THAT(channels->Get(), ElementsAre("added"));
  SetDescribe(Listed());
  EXPECT_TRUE(Eventually([&] { return channels->Get().contains("listed"); }));
}

TEST_F(StandbyChannelsTest, ADroppedCollectionNeedsNoTicks) {
  SetDescribe(Reply::Error(grpc::StatusCode::NOT_FOUND, "dropped meanwhile"));
  const auto channels = Make();
  ASSERT_TRUE(Eventually([&] { return changes_ == 1; }));
  EXPECT_THAT(channels->Get(), IsEmpty());
}

TEST_F(StandbyChannelsTest, AChannelAddedDuringAListingOutlivesIt) {
  std::promise<void> go;
  server_.On("DescribeCollection", [go = go.get_future().share()](const auto&) {
    go.wait();
    return Listed();
  });
  const auto channels = Make(milliseconds(1));
  ASSERT_TRUE(server_.WaitForRequests("DescribeCollection", 1));
  channels->Add({"added"});
  server_.Hang("ListDatabases");  // there is no second listing
  go.set_value();
  ASSERT_TRUE(Eventually([&] { return changes_ == 2; }));
  EXPECT_THAT(channels->Get(), ElementsAre("added", "listed"));
}

TEST_F(StandbyChannelsTest, AnAddedChannelGoesWithItsCollection) {
  const auto channels = Make(milliseconds(1));
  channels->Add({"added"});
  EXPECT_TRUE(Eventually([&] { return !channels->Get().contains("added"); }));
  EXPECT_THAT(channels->Get(), ElementsAre("listed"));
}

TEST_F(StandbyChannelsTest, OnlyANewChannelIsAChange) {
  server_.Hang("ListDatabases");
  const auto channels = Make();
  channels->Add({"added"});
  channels->Add({"added"});
  EXPECT_EQ(changes_, 1);
}

}  // namespace
}  // namespace cdc
