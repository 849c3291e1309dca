#include "sink/standby/standby_target.h"

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
#include "milvus.pb.h"
#include "milvus/endpoint.h"
#include "milvus/standby_probe.h"
#include "msg.pb.h"
#include "sink/standby/testing/standby_fixture.h"
#include "sink/testing/wait_for_pulse.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class StandbyTargetTest : public StandbyFixture {};

TEST_F(StandbyTargetTest, RefusalsAreDistinguished) {
  struct Refusal {
    int code;
    const char* reason;
    StatusCode status;
    bool in_doubt;
    const char* words;
  };
  const Refusal refusals[] = {
      {1900, "deny to use the replicate message in the normal instance",
       StatusCode::kFailedPrecondition, false, "common.ttMsgEnabled"},
      {1902, "no segment", StatusCode::kUnavailable, true, "no segment"},
      {65535, "getSegmentID failed: SegmentIDAllocator", StatusCode::kUnavailable, true, "getSeg"},
      {1, "not ready", StatusCode::kUnavailable, true, "not ready"},
      // From the queue, which may have taken earlier messages.
      {65535, "the topic does not exist", StatusCode::kNotFound, true, "topic"},
  };
  for (const Refusal& each : refusals) {
    SetReplicate([each](const auto&) {
      return FakeMilvusServer::Reply::Of(Answer(each.code, each.reason));
    });
    const auto target = MakeTarget(QuietHub());
    const WriteResult result = StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get();
    EXPECT_EQ(result.status.code(), each.status) << each.code;
    EXPECT_EQ(result.in_doubt, each.in_doubt) << each.code;
    EXPECT_THAT(result.status.message(), HasSubstr(each.words));
  }
}

TEST_F(StandbyTargetTest, TellsWhereTheLastRowsOfACollectionAre) {
  std::atomic<int> calls = 0;
  SetReplicate([&calls](const auto&) {
    auto answer = Answer(0, "");
    answer.set_position(EncodeBase64("at " + std::to_string(++calls)));
    return FakeMilvusServer::Reply::Of(answer);
  });
  server_.On("DropCollection", [](const auto&) {
    return FakeMilvusServer::Reply::Of(::milvus::proto::common::Status());
  });
  const auto target = MakeTarget(QuietHub());
  EXPECT_THAT(target->LastRows(), SizeIs(0));
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().status.ok());
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kDelete, 1)).get().status.ok());
  EXPECT_TRUE(StartWrite(target.get(), Rows("b", RowOp::kInsert, 1, 1)).get().status.ok());
  const std::vector<TargetRows> rows = target->LastRows();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].collection, (CollectionName{"default", "a"}));
  EXPECT_EQ(rows[0].channel, kChannel);
  EXPECT_EQ(rows[0].position, MsgId{"at 2"});
  EXPECT_EQ(rows[0].ts.value, Sent(kChannel).back().back().stamp) << "that of the tick";
  EXPECT_EQ(rows[1].collection, (CollectionName{"default", "b"}));
  EXPECT_EQ(rows[1].channel, kOther);
  EXPECT_EQ(rows[1].position, MsgId{"at 3"});
  ASSERT_TRUE(target->metadata().Apply(DropCollection{{"default", "a"}}, {}).ok());
  EXPECT_THAT(target->LastRows(), SizeIs(1));
  // A standby that does not tell it.
  SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(0, "")); });
  EXPECT_TRUE(StartWrite(target.get(), Rows("b", RowOp::kDelete, 1, 1)).get().status.ok());
  EXPECT_EQ(target->LastRows()[0].position, MsgId{"at 3"});
}

TEST_F(StandbyTargetTest, ADropIsAnnouncedInEveryChannelBeforeItIsExecuted) {
  pb::DropCollectionRequest dropped;
  std::vector<bool> announced;
  server_.On("DropCollection", [&](const FakeMilvusServer::Request& request) {
    EXPECT_TRUE(dropped.ParseFromString(request.body));
    for (const char* channel : {kChannel, kOther}) {
      announced.push_back(HasRows(Sent(channel)));
    }
    return FakeMilvusServer::Reply::Of(::milvus::proto::common::Status());
  });
  const auto target = MakeTarget(QuietHub());
  ASSERT_TRUE(target->metadata().Apply(DropCollection{{"default", "a"}}, {}).ok());
  EXPECT_THAT(announced, ElementsAre(true, true));
  EXPECT_TRUE(dropped.base().replicateinfo().isreplicate());
  for (const char* channel : {kChannel, kOther}) {
    const Calls calls = Sent(channel);
    std::vector<int> types = Types(calls.back());
    EXPECT_THAT(types, ElementsAre(101, 1200));
    EXPECT_LE(calls.back().front().stamp, dropped.base().replicateinfo().msgtimestamp());
  }
}

TEST_F(StandbyTargetTest, ADropOfAMissingCollectionAnnouncesNothing) {
  pb::DescribeCollectionResponse none;
  none.mutable_status()->set_code(100);
  server_.On("DescribeCollection", Always(none));
  server_.On("DropCollection", Always(::milvus::proto::common::Status()));
  const auto target = MakeTarget(QuietHub());
  EXPECT_TRUE(target->metadata().Apply(DropCollection{{"default", "a"}}, {}).ok());
  EXPECT_THAT(Sent(kChannel), SizeIs(0));
}

TEST_F(StandbyTargetTest, ARecreatedCollectionIsWrittenUnderItsNewId) {
  const auto target = MakeTarget(QuietHub());
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().status.ok());
  server_.On("DropCollection", Always(::milvus::proto::common::Status()));
  ASSERT_TRUE(target->metadata().Apply(DropCollection{{"default", "a"}}, {}).ok());
  server_.On("DescribeCollection", [](const auto&) {
    pb::DescribeCollectionResponse recreated = Describe("a");
    recreated.set_collectionid(9);
    return FakeMilvusServer::Reply::Of(recreated);
  });
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 2)).get().status.ok());
  ::milvus::proto::msg::InsertRequest insert;
  ASSERT_TRUE(insert.ParseFromString(Sent(kChannel).back().front().bytes));
  EXPECT_EQ(insert.collectionid(), 9);
}

TEST_F(StandbyTargetTest, AStopEndsADropThatIsBeingAnnounced) {
  std::promise<void> go;
  HoldRowsUntil(go.get_future().share());
  const auto hub = QuietHub();
  const auto target = MakeTarget(hub);
  auto ahead = StartWrite(target.get(), Rows("a", RowOp::kInsert, 1));
  ASSERT_TRUE(Eventually([&] { return HasRows(Sent(kChannel)); }));
  std::stop_source stop;
  auto drop = std::async(std::launch::async, [&] {
    return target->metadata().Apply(DropCollection{{"db", "a"}}, stop.get_token());
  });
  EXPECT_EQ(drop.wait_for(milliseconds(50)), std::future_status::timeout);
  stop.request_stop();
  EXPECT_EQ(drop.get().code(), StatusCode::kCancelled);
  go.set_value();
  EXPECT_TRUE(ahead.get().status.ok()) << "the stop ends metadata calls only";
}

TEST_F(StandbyTargetTest, AStoppedReadOfALayoutMayOutliveItsCaller) {
  auto target = MakeTarget(QuietHub());
  server_.Hang("DescribeCollection");
  std::stop_source stop;
  auto drop = std::async(std::launch::async, [&] {
    return target->metadata().Apply(DropCollection{{"db", "a"}}, stop.get_token());
  });
  ASSERT_TRUE(server_.WaitForRequests("DescribeCollection", 1));
  stop.request_stop();
  EXPECT_EQ(drop.get().code(), StatusCode::kCancelled);
  target.reset();  // waits for the answer although nobody needs it
}

TEST_F(StandbyTargetTest, RowsOfAMissingCollectionAreNotFound) {
  pb::DescribeCollectionResponse none;
  none.mutable_status()->set_code(100);
  server_.On("DescribeCollection", Always(none));
  const auto target = MakeTarget(QuietHub());
  EXPECT_EQ(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().status.code(),
            StatusCode::kNotFound);
}

TEST_F(StandbyTargetTest, TheProbeDistinguishesAStandbyFromOthers) {
  MilvusChannel channel(*ParseEndpoint(server_.uri()), {});
  const MilvusCalls calls{.channel = &channel, .timeout = kPatience};
  SetReplicate([](const auto&) {
    return FakeMilvusServer::Reply::Of(Answer(1100, "invalid channel name"));
  });
  EXPECT_TRUE(*ProbeStandby(calls));
  SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(1900, "deny")); });
  EXPECT_FALSE(*ProbeStandby(calls));
  SetReplicate([](const auto&) {
    return FakeMilvusServer::Reply::Error(grpc::StatusCode::UNIMPLEMENTED, "unknown method");
  });
  EXPECT_FALSE(*ProbeStandby(calls));
  SetReplicate([](const auto&) {
    return FakeMilvusServer::Reply::Error(grpc::StatusCode::PERMISSION_DENIED, "not for you");
  });
  const Status refused = ProbeStandby(calls).status();
  EXPECT_EQ(refused.code(), StatusCode::kPermissionDenied);
  EXPECT_NE(refused.message().find("not for you"), std::string::npos) << refused.ToString();
  SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(0, "")); });
  EXPECT_FALSE(*ProbeStandby(calls));
  SetReplicate([](const auto&) {
    return FakeMilvusServer::Reply::Error(grpc::StatusCode::UNAVAILABLE, "down");
  });
  EXPECT_EQ(ProbeStandby(calls).status().code(), StatusCode::kUnavailable);
}

TEST_F(StandbyTargetTest, ItsPulseFailsWhenTicksFail) {
  const auto hub =
      MakeHub({.queue = {.tick_interval = milliseconds(5), .silence = milliseconds(100)}});
  const auto target = MakeTarget(hub);
  const auto pulse = [&] { return WaitForPulse(*target, milliseconds(2'000)).status(); };
  EXPECT_TRUE(pulse().ok());
  SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(65535, "no queue")); });
  EXPECT_TRUE(Eventually([&] { return !pulse().ok(); }));
  EXPECT_THAT(pulse().message(), HasSubstr("no queue"));
  SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(0, "")); });
  EXPECT_TRUE(Eventually([&] { return pulse().ok(); }));
  server_.On("AllocTimestamp", [](const auto&) {
    return FakeMilvusServer::Reply::Error(grpc::StatusCode::UNAVAILABLE, "no clock");
  });
  EXPECT_TRUE(Eventually([&] { return pulse().message().find("no clock") != std::string::npos; }));
}

TEST_F(StandbyTargetTest, ACallWithoutAnAnswerFailsThePulse) {
  const auto hub =
      MakeHub({.queue = {.tick_interval = milliseconds(5), .silence = milliseconds(100)}});
  const auto target = MakeTarget(hub);
  ASSERT_TRUE(Eventually([&] { return !Sent(kChannel).empty(); }));
  server_.Hang("ReplicateMessage");
  EXPECT_TRUE(Eventually([&] {
    const Status status = WaitForPulse(*target, milliseconds(2'000)).status();
    return status.code() == StatusCode::kDeadlineExceeded &&
           status.message().find("ReplicateMessage: no answer") != std::string::npos;
  }));
}

}  // namespace
}  // namespace cdc
