#include "sink/standby/standby_hub.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "milvus.pb.h"
#include "msg.pb.h"
#include "sink/standby/standby_hubs.h"
#include "sink/standby/testing/standby_fixture.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

using std::chrono::milliseconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::SizeIs;

class StandbyHubTest : public StandbyFixture {};

TEST_F(StandbyHubTest, EachBatchIsOneMessageWithATickBehindIt) {
  const auto target = MakeTarget(QuietHub());
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().status.ok());
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kUpsert, 1)).get().status.ok());
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kDelete, 1)).get().status.ok());
  const Calls calls = Sent(kChannel);
  ASSERT_THAT(calls, SizeIs(testing::Ge(3)));
  std::vector<std::vector<int>> types;
  for (const auto& call : calls) {
    if (call.size() > 1) {
      types.push_back(Types(call));
    }
  }
  EXPECT_THAT(types, ElementsAre(ElementsAre(400, 1200), ElementsAre(401, 400, 1200),
                                 ElementsAre(401, 1200)));
  ExpectRising(calls);
}

TEST_F(StandbyHubTest, MessagesQueuedDuringACallGoTogether) {
  std::promise<void> go;
  HoldRowsUntil(go.get_future().share());
  const auto hub = QuietHub();
  const auto one = MakeTarget(hub);
  const auto two = MakeTarget(hub);  // another task
  auto first = StartWrite(one.get(), Rows("a", RowOp::kInsert, 1));
  ASSERT_TRUE(Eventually([&] { return HasRows(Sent(kChannel)); }));
  auto second = StartWrite(one.get(), Rows("b", RowOp::kInsert, 2));
  auto third = StartWrite(two.get(), Rows("a", RowOp::kUpsert, 3));
  auto other = StartWrite(two.get(), Rows("a", RowOp::kInsert, 4, /*shard=*/1));
  // The other channel does not wait.
  ASSERT_TRUE(Eventually([&] { return HasRows(Sent(kOther)); }));
  go.set_value();
  for (auto* write : {&first, &second, &third, &other}) {
    EXPECT_TRUE(write->get().status.ok());
  }
  const Calls calls = Sent(kChannel);
  ExpectRising(calls);
  // The two that waited: an insert, and an upsert as two messages.
  EXPECT_THAT(Types(calls.back()), ElementsAre(400, 401, 400, 1200));
}

TEST_F(StandbyHubTest, RefusedRowsOfOneTaskDoNotFailThoseOfAnother) {
  const auto hub = QuietHub();
  const auto one = MakeTarget(hub);
  const auto two = MakeTarget(hub);
  // Both have cached their layouts: from now on rows are queued at once.
  ASSERT_TRUE(StartWrite(one.get(), Rows("a", RowOp::kInsert, 0)).get().status.ok());
  ASSERT_TRUE(StartWrite(two.get(), Rows("b", RowOp::kInsert, 0)).get().status.ok());
  std::promise<void> go;
  SetReplicate([go = go.get_future().share()](const FakeMilvusServer::Request& request) {
    pb::ReplicateMessageRequest call;
    EXPECT_TRUE(call.ParseFromString(request.body));
    if (call.msgs_size() > 1) {
      go.wait();
    }
    for (const std::string& bytes : call.msgs()) {
      ::milvus::proto::msg::InsertRequest insert;
      if (insert.ParseFromString(bytes) && insert.collectionid() == 7) {
        return FakeMilvusServer::Reply::Of(Answer(1901, "cannot be decoded"));
      }
    }
    return FakeMilvusServer::Reply::Of(Answer(0, ""));
  });
  const size_t before = Sent(kChannel).size();
  auto first = StartWrite(two.get(), Rows("b", RowOp::kInsert, 1));
  ASSERT_TRUE(Eventually([&] { return Sent(kChannel).size() > before; }));
  auto bad = StartWrite(one.get(), Rows("a", RowOp::kInsert, 2));
  auto good = StartWrite(two.get(), Rows("b", RowOp::kInsert, 3));
  go.set_value();
  EXPECT_TRUE(first.get().status.ok());
  // Sent together: nobody knows whose rows were refused, nor which were written.
  for (auto* write : {&bad, &good}) {
    const WriteResult result = write->get();
    EXPECT_EQ(result.status.code(), StatusCode::kAborted);
    EXPECT_TRUE(result.in_doubt);
  }
  bad = StartWrite(one.get(), Rows("a", RowOp::kUpsert, 2));
  good = StartWrite(two.get(), Rows("b", RowOp::kUpsert, 3));
  EXPECT_EQ(bad.get().status.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(good.get().status.ok());  // sent alone
}

TEST_F(StandbyHubTest, StampsStayAboveThoseOfEarlierProcesses) {
  MakeTarget(QuietHub()).reset();
  for (int process = 0; process < 3; ++process) {
    const auto target = MakeTarget(QuietHub());
    EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kUpsert, 1)).get().status.ok());
  }
  ExpectRising(Sent(kChannel));
}

TEST_F(StandbyHubTest, StampsDoNotDependOnTheSourcesClock) {
  const auto target = MakeTarget(QuietHub());
  RowBatch ahead = Rows("a", RowOp::kInsert, 1);
  std::const_pointer_cast<Message>(ahead.messages.front())->ts = {UINT64_MAX / 2};
  EXPECT_TRUE(StartWrite(target.get(), ahead).get().status.ok());
  for (const auto& call : Sent(kChannel)) {
    EXPECT_THAT(call, Each(Field(&SentMessage::stamp, testing::Le(clock_.load() + 1))));
  }
}

TEST_F(StandbyHubTest, AChannelWithoutRowsIsTicked) {
  const auto hub = MakeHub({.queue = {.tick_interval = milliseconds(5)}});
  hub->Tick({kChannel, kOther});
  ASSERT_TRUE(Eventually([&] { return Sent(kChannel).size() > 3 && Sent(kOther).size() > 3; }));
  const Calls calls = Sent(kOther);
  EXPECT_THAT(calls, Each(SizeIs(1)));
  ExpectRising(calls);
}

TEST_F(StandbyHubTest, EveryCollectionIsTicked) {
  pb::ShowCollectionsResponse collections;
  collections.add_collection_names("b");
  server_.On("ShowCollections", Always(collections));
  const auto hub = MakeHub({.queue = {.tick_interval = milliseconds(5)}});
  EXPECT_TRUE(Eventually([&] { return Sent(kChannel).size() > 2 && Sent(kOther).size() > 2; }));
}

TEST_F(StandbyHubTest, ChannelsWithoutACollectionAreNoLongerTicked) {
  const auto hub =
      MakeHub({.queue = {.tick_interval = milliseconds(5)}, .list_interval = milliseconds(5)});
  ASSERT_TRUE(Eventually([&] { return Sent(kChannel).size() > 2; }));
  server_.On("ShowCollections", Always(pb::ShowCollectionsResponse()));
  EXPECT_TRUE(Eventually([&] {
    const size_t before = Sent(kChannel).size();
    const auto listed = [this] {
      const auto requests = server_.requests();
      return std::count_if(requests.begin(), requests.end(),
                           [](const auto& request) { return request.method == "ShowCollections"; });
    };
    const auto first = listed();
    return Eventually([&] { return listed() > first + 5; }) && Sent(kChannel).size() == before;
  }));
}

TEST_F(StandbyHubTest, TheDestructorCancelsAListing) {
  server_.Hang("ListDatabases");
  auto hub = QuietHub({.query_timeout = std::chrono::minutes(1)});
  ASSERT_TRUE(server_.WaitForRequests("ListDatabases", 1));
  const auto began = std::chrono::steady_clock::now();
  hub.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, kSoon);
}

// A listing is a chain of calls. Names of a megabyte keep the hub busy between two of them, where a
// cancellation of the calls in progress finds none: the next call must not begin either.
TEST_F(StandbyHubTest, TheDestructorCancelsAListingBetweenTwoCalls) {
  pb::ShowCollectionsResponse collections;
  for (char name = 'a'; name < 'i'; ++name) {
    collections.add_collection_names(std::string(1 << 20, name));
  }
  server_.On("ShowCollections", Always(collections));
  const auto answer = Always(pb::DescribeCollectionResponse::default_instance());
  const auto asked = std::make_shared<std::atomic<int>>(0);
  for (int round = 0; round < 20; ++round) {
    *asked = 0;
    server_.On("DescribeCollection", [answer, asked](const auto& request) {
      ++*asked;
      return answer(request);
    });
    auto hub = QuietHub({.query_timeout = std::chrono::minutes(1)});
    ASSERT_TRUE(Eventually([&] { return *asked > 0; }));
    server_.Hang("DescribeCollection");
    const auto began = std::chrono::steady_clock::now();
    hub.reset();
    ASSERT_LT(std::chrono::steady_clock::now() - began, kSoon) << round;
  }
}

TEST_F(StandbyHubTest, TicksComeBackWithTheStandby) {
  server_.On("AllocTimestamp", [](const auto&) {
    return FakeMilvusServer::Reply::Error(grpc::StatusCode::UNAVAILABLE, "starting");
  });
  const auto hub = MakeHub({.queue = {.tick_interval = milliseconds(5)}});
  hub->Tick({kChannel});
  ASSERT_TRUE(server_.WaitForRequests("AllocTimestamp", 2));
  EXPECT_THAT(Sent(kChannel), SizeIs(0));
  server_.On("AllocTimestamp", [this](const auto&) {
    pb::AllocTimestampResponse response;
    response.set_timestamp(++clock_);
    return FakeMilvusServer::Reply::Of(response);
  });
  EXPECT_TRUE(Eventually([&] { return !Sent(kChannel).empty(); }));
}

TEST_F(StandbyHubTest, WithoutATimeRowsFailWithTheReasonAndWithoutDoubt) {
  server_.On("AllocTimestamp", [](const auto&) {
    return FakeMilvusServer::Reply::Error(grpc::StatusCode::UNAVAILABLE, "starting");
  });
  const auto target = MakeTarget(QuietHub());
  const WriteResult result = StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get();
  EXPECT_EQ(result.status.code(), StatusCode::kUnavailable);
  EXPECT_FALSE(result.in_doubt);
}

TEST_F(StandbyHubTest, AChannelRestsAfterAnUnknownOutcome) {
  FakeClock clock;
  const auto target = MakeTarget(QuietHub({.clock = &clock}));
  SetReplicate([](const auto&) {
    return FakeMilvusServer::Reply::Error(grpc::StatusCode::UNAVAILABLE, "connection reset");
  });
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().in_doubt);
  SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(0, "")); });
  const size_t before = Sent(kChannel).size();
  auto again = StartWrite(target.get(), Rows("a", RowOp::kUpsert, 1));
  // Queued later, sent sooner: the other channel does not rest.
  const auto write_to_other = [&] {
    return StartWrite(target.get(), Rows("a", RowOp::kInsert, 2, /*shard=*/1)).get().status;
  };
  EXPECT_TRUE(write_to_other().ok());
  EXPECT_EQ(Sent(kChannel).size(), before);
  clock.Advance(StandbyQueueOptions().grace);
  EXPECT_TRUE(write_to_other().ok());  // wakes the hub, which sleeps in real time
  EXPECT_TRUE(again.get().status.ok());
}

TEST_F(StandbyHubTest, ACancelEndsTheWritesOfOneTaskAlone) {
  std::promise<void> go;
  HoldRowsUntil(go.get_future().share());
  const auto hub = QuietHub();
  const auto stopping = MakeTarget(hub);
  const auto staying = MakeTarget(hub);
  auto sent = StartWrite(stopping.get(), Rows("a", RowOp::kInsert, 1));
  ASSERT_TRUE(Eventually([&] { return HasRows(Sent(kChannel)); }));
  auto queued = StartWrite(stopping.get(), Rows("a", RowOp::kInsert, 2));
  auto other = StartWrite(staying.get(), Rows("a", RowOp::kInsert, 3));
  stopping->rows().CancelWrites();
  const WriteResult first = sent.get();
  EXPECT_EQ(first.status.code(), StatusCode::kCancelled);
  EXPECT_TRUE(first.in_doubt);
  const WriteResult second = queued.get();
  EXPECT_EQ(second.status.code(), StatusCode::kCancelled);
  EXPECT_FALSE(second.in_doubt);
  go.set_value();
  EXPECT_TRUE(other.get().status.ok());
}

TEST_F(StandbyHubTest, RefusedRowsDoNotMakeAStandbyUnhealthy) {
  const auto hub = QuietHub();
  const auto target = MakeTarget(hub);
  ASSERT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().status.ok());
  SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(65535, "no such")); });
  EXPECT_FALSE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 2)).get().status.ok());
  EXPECT_TRUE(hub->Health().ok()) << hub->Health().ToString();
}

// Two processes must not send to one standby, not even ticks: their stamps would not rise.
TEST_F(StandbyHubTest, NothingIsSentWhileItMayNot) {
  std::atomic<bool> allowed{true};
  StandbyHubOptions options;
  options.may_send = [&allowed] {
    return allowed ? OkStatus() : FailedPreconditionError("taken over");
  };
  const auto hub = MakeHub(options);
  const auto target = MakeTarget(hub);
  ASSERT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().status.ok());
  allowed = false;
  const WriteResult refused = StartWrite(target.get(), Rows("a", RowOp::kInsert, 2)).get();
  EXPECT_EQ(refused.status.code(), StatusCode::kUnavailable);
  EXPECT_FALSE(refused.in_doubt);
  ASSERT_TRUE(Eventually([&] { return !hub->Health().ok(); }));
  const size_t sent = Sent(kChannel).size();
  EXPECT_EQ(StartWrite(target.get(), Rows("a", RowOp::kInsert, 3)).get().status.code(),
            StatusCode::kUnavailable);
  EXPECT_EQ(Sent(kChannel).size(), sent);
  allowed = true;
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 4)).get().status.ok());
  EXPECT_TRUE(Eventually([&] { return hub->Health().ok(); }));
}

TEST_F(StandbyHubTest, TasksOfOneStandbyShareAHub) {
  StandbyHubs hubs;
  auto one = *hubs.Hold({.uri = server_.uri()});
  const std::string port = server_.uri().substr(server_.uri().rfind(':'));
  EXPECT_EQ(one, *hubs.Hold({.uri = "HTTP://LocalHost" + port}));
  EXPECT_EQ(one, *hubs.Hold({.uri = server_.uri() + "/"}));
  const auto is_authorized = [this] {
    const auto requests = server_.requests();
    return std::any_of(requests.begin(), requests.end(), [](const auto& request) {
      return request.method == "ReplicateMessage" && request.metadata.contains("authorization");
    });
  };
  // A hub changes its credentials only after the standby has accepted them.
  const TargetOptions with_token{.uri = server_.uri(), .token = "root:Milvus"};
  EXPECT_EQ(one, *hubs.Hold(with_token));
  one->Tick({kChannel});
  ASSERT_TRUE(Eventually([&] { return Sent(kChannel).size() > 1; }));
  EXPECT_FALSE(is_authorized());
  ASSERT_TRUE(one->UseAccess(with_token).ok());
  EXPECT_TRUE(Eventually(is_authorized));
  const std::weak_ptr<StandbyHub> known = one;
  one.reset();
  EXPECT_TRUE(known.expired());
}

TEST_F(StandbyHubTest, AHubInUseGoesOnWithAnotherAddressAndOtherCredentials) {
  StandbyHubs hubs;
  const TargetOptions before{.uri = "http://127.0.0.1:1", .token = "root:old"};
  const TargetOptions now{.uri = server_.uri(), .token = "root:new"};
  const auto hub = *hubs.Hold(before);
  hub->Tick({kChannel});
  ASSERT_TRUE(Eventually([&] { return !hub->Health().ok(); }));
  ASSERT_TRUE(hubs.Change(before, now).ok());
  EXPECT_TRUE(Eventually([&] { return hub->Health().ok() && !Sent(kChannel).empty(); }));
  for (const auto& request : server_.requests()) {
    EXPECT_EQ(request.metadata.at("authorization"), EncodeBase64("root:new"));
  }
  EXPECT_EQ(hub, *hubs.Hold(now));
  EXPECT_TRUE(hubs.Change(now, {.uri = server_.uri(), .token = "root:newest"}).ok());
  EXPECT_EQ(hub, *hubs.Hold(now));
  // Whoever has the old address now is another standby.
  const auto other = *hubs.Hold(before);
  EXPECT_NE(hub, other);
  EXPECT_EQ(hubs.Change(now, before).code(), StatusCode::kUnavailable);
  EXPECT_EQ(hub, *hubs.Hold(now));
  EXPECT_TRUE(hubs.Change({.uri = "http://127.0.0.1:2"}, now).ok());
}

}  // namespace
}  // namespace cdc
