#include "sink/standby/standby_hub.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "encode/testing/insert_builder.h"
#include "milvus.pb.h"
#include "milvus/endpoint.h"
#include "milvus/standby_probe.h"
#include "milvus/testing/fake_milvus_server.h"
#include "msg.pb.h"
#include "sink/standby/standby_hubs.h"
#include "sink/standby/standby_target.h"
#include "sink/testing/wait_for_pulse.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

using std::chrono::milliseconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kChannel[] = "dst-dml_0";
constexpr char kOther[] = "dst-dml_1";

// A standby with two collections, `a` and `b`, that share a channel. What is sent is kept.
class StandbyHubTest : public ::testing::Test {
 protected:
  struct SentMessage {
    int type = 0;
    uint64_t stamp = 0;
    std::string bytes;
  };
  using Calls = std::vector<std::vector<SentMessage>>;  // of one channel

  StandbyHubTest() {
    server_.On("AllocTimestamp", [this](const auto&) {
      pb::AllocTimestampResponse response;
      response.set_timestamp(clock_ += 100);
      return FakeMilvusServer::Reply::Of(response);
    });
    SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(0, "")); });
    pb::ListDatabasesResponse databases;
    databases.add_db_names("default");
    server_.On("ListDatabases", Always(databases));
    pb::ShowCollectionsResponse collections;
    collections.add_collection_names("a");
    server_.On("ShowCollections", Always(collections));
    server_.On("DescribeCollection", [](const FakeMilvusServer::Request& request) {
      pb::DescribeCollectionRequest asked;
      EXPECT_TRUE(asked.ParseFromString(request.body));
      return FakeMilvusServer::Reply::Of(Describe(asked.collection_name()));
    });
    pb::ShowPartitionsResponse partitions;
    partitions.add_partition_names("_default");
    partitions.add_partitionids(70);
    server_.On("ShowPartitions", Always(partitions));
  }

  static FakeMilvusServer::Answer Always(const google::protobuf::Message& message) {
    return [reply = FakeMilvusServer::Reply::Of(message)](const auto&) { return reply; };
  }

  static pb::ReplicateMessageResponse Answer(int code, const std::string& reason) {
    pb::ReplicateMessageResponse response;
    response.mutable_status()->set_code(code);
    response.mutable_status()->set_reason(reason);
    return response;
  }

  static pb::DescribeCollectionResponse Describe(const std::string& name) {
    pb::DescribeCollectionResponse response;
    response.set_collectionid(name == "a" ? 7 : 8);
    for (const char* channel : {kChannel, kOther}) {
      const std::string shard = channel == kChannel ? "v0" : "v1";
      response.add_physical_channel_names(channel);
      response.add_virtual_channel_names(std::string(channel) + "_" +
                                         std::to_string(response.collectionid()) + shard);
    }
    auto* field = response.mutable_schema()->add_fields();
    field->set_name("id");
    field->set_fieldid(100);
    response.mutable_schema()->set_name(name);
    return response;
  }

  void SetReplicate(FakeMilvusServer::Answer answer) { server_.On("ReplicateMessage", answer); }

  std::shared_ptr<StandbyHub> MakeHub(StandbyHubOptions options = {}) {
    return *StandbyHub::New({.uri = server_.uri()}, options);
  }
  // Only what a test sends, no ticks of its own.
  std::shared_ptr<StandbyHub> QuietHub(StandbyHubOptions options = {}) {
    options.queue.tick_interval = std::chrono::hours(1);
    return MakeHub(options);
  }
  std::unique_ptr<Target> MakeTarget(std::shared_ptr<StandbyHub> hub) {
    return *NewStandbyTarget({.uri = server_.uri()}, std::move(hub));
  }

  static RowBatch Rows(const std::string& collection, RowOp op, int64_t key, int shard = 0) {
    RowBatch batch;
    batch.op = op;
    batch.target = {"default", collection};
    batch.partition = "_default";
    batch.primary_key = "id";
    MessagePtr message = op == RowOp::kDelete ? MakeDelete(std::vector<int64_t>{key})
                                              : MakeInsert({LongField(1, "id", {key})}, 1);
    std::const_pointer_cast<Message>(message)->vchannel = shard == 0 ? "src_1v0" : "src_1v1";
    if (op == RowOp::kDelete) {
      batch.deletes = {message->keys};
    }
    batch.messages = {message};
    batch.rows = 1;
    return batch;
  }

  static std::future<WriteResult> StartWrite(Target* target, const RowBatch& batch) {
    auto promise = std::make_shared<std::promise<WriteResult>>();
    target->rows().Write(batch,
                         [promise](const WriteResult& result) { promise->set_value(result); });
    return promise->get_future();
  }

  Calls Sent(const std::string& channel) const {
    Calls calls;
    for (const FakeMilvusServer::Request& request : server_.requests()) {
      pb::ReplicateMessageRequest call;
      if (request.method != "ReplicateMessage" || !call.ParseFromString(request.body) ||
          call.channel_name() != channel) {
        continue;
      }
      calls.emplace_back();
      for (const std::string& bytes : call.msgs()) {
        ::milvus::proto::msg::TimeTickMsg header;  // base is field 1 of every message
        EXPECT_TRUE(header.ParsePartialFromString(bytes));
        calls.back().push_back({header.base().msg_type(), header.base().timestamp(), bytes});
      }
    }
    return calls;
  }

  // The last call has more than a tick.
  static bool HasRows(const Calls& calls) { return !calls.empty() && calls.back().size() > 1; }

  // Ticks alone are answered at once.
  void HoldRowsUntil(const std::shared_future<void>& go) {
    SetReplicate([go](const FakeMilvusServer::Request& request) {
      pb::ReplicateMessageRequest call;
      if (call.ParseFromString(request.body) && call.msgs_size() > 1) {
        go.wait();
      }
      return FakeMilvusServer::Reply::Of(Answer(0, ""));
    });
  }

  static std::vector<int> Types(const std::vector<SentMessage>& call) {
    std::vector<int> types;
    for (const SentMessage& message : call) {
      types.push_back(message.type);
    }
    return types;
  }

  // Every stamp is above those before it, but for a tick, which may repeat the one it follows.
  static void ExpectRising(const Calls& calls) {
    uint64_t last = 0;
    for (const auto& call : calls) {
      ASSERT_FALSE(call.empty());
      EXPECT_EQ(call.back().type, 1200);
      for (const SentMessage& message : call) {
        if (message.type == 1200 && call.size() > 1) {
          EXPECT_EQ(message.stamp, last);
        } else {
          EXPECT_GT(message.stamp, last);
        }
        last = message.stamp;
      }
    }
  }

  std::atomic<uint64_t> clock_ = 1'000'000;
  FakeMilvusServer server_;
};

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

TEST_F(StandbyHubTest, WhatIsQueuedMeanwhileGoesTogether) {
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
  // What waited: an insert, and an upsert as two.
  EXPECT_THAT(Types(calls.back()), ElementsAre(400, 401, 400, 1200));
}

TEST_F(StandbyHubTest, RefusedRowsOfOneTaskDoNotFailThoseOfAnother) {
  const auto hub = QuietHub();
  const auto one = MakeTarget(hub);
  const auto two = MakeTarget(hub);
  // They know their collections: what is written from now on is queued at once.
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
  // Together: nobody knows whose fault it is, nor what was written.
  for (auto* write : {&bad, &good}) {
    const WriteResult result = write->get();
    EXPECT_EQ(result.status.code(), StatusCode::kAborted);
    EXPECT_TRUE(result.in_doubt);
  }
  bad = StartWrite(one.get(), Rows("a", RowOp::kUpsert, 2));
  good = StartWrite(two.get(), Rows("b", RowOp::kUpsert, 3));
  EXPECT_EQ(bad.get().status.code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(good.get().status.ok());  // by itself
}

TEST_F(StandbyHubTest, StampsStayAboveWhatAnEarlierProcessHasSent) {
  MakeTarget(QuietHub()).reset();
  for (int process = 0; process < 3; ++process) {
    const auto target = MakeTarget(QuietHub());
    EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kUpsert, 1)).get().status.ok());
  }
  ExpectRising(Sent(kChannel));
}

TEST_F(StandbyHubTest, StampsAreTheTargetsWhateverTheSourcesClockSays) {
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

TEST_F(StandbyHubTest, EveryCollectionThatIsThereIsTicked) {
  pb::ShowCollectionsResponse collections;
  collections.add_collection_names("b");
  server_.On("ShowCollections", Always(collections));
  const auto hub = MakeHub({.queue = {.tick_interval = milliseconds(5)}});
  EXPECT_TRUE(Eventually([&] { return Sent(kChannel).size() > 2 && Sent(kOther).size() > 2; }));
}

TEST_F(StandbyHubTest, ChannelsWithoutACollectionAreTickedNoLonger) {
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

TEST_F(StandbyHubTest, WhatCannotBeSentSaysWhyAndIsNotInDoubt) {
  server_.On("AllocTimestamp", [](const auto&) {
    return FakeMilvusServer::Reply::Error(grpc::StatusCode::UNAVAILABLE, "starting");
  });
  const auto target = MakeTarget(QuietHub());
  const WriteResult result = StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get();
  EXPECT_EQ(result.status.code(), StatusCode::kUnavailable);
  EXPECT_FALSE(result.in_doubt);
}

TEST_F(StandbyHubTest, RefusalsAreToldApart) {
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
      // From the queue, which may have taken the messages before.
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

TEST_F(StandbyHubTest, ADropIsToldToEveryChannelBeforeItIsDone) {
  pb::DropCollectionRequest dropped;
  std::vector<bool> told;
  server_.On("DropCollection", [&](const FakeMilvusServer::Request& request) {
    EXPECT_TRUE(dropped.ParseFromString(request.body));
    for (const char* channel : {kChannel, kOther}) {
      told.push_back(HasRows(Sent(channel)));
    }
    return FakeMilvusServer::Reply::Of(::milvus::proto::common::Status());
  });
  const auto target = MakeTarget(QuietHub());
  ASSERT_TRUE(target->metadata().Apply(DropCollection{{"default", "a"}}, {}).ok());
  EXPECT_THAT(told, ElementsAre(true, true));
  EXPECT_TRUE(dropped.base().replicateinfo().isreplicate());
  for (const char* channel : {kChannel, kOther}) {
    const Calls calls = Sent(channel);
    std::vector<int> types = Types(calls.back());
    EXPECT_THAT(types, ElementsAre(101, 1200));
    EXPECT_LE(calls.back().front().stamp, dropped.base().replicateinfo().msgtimestamp());
  }
}

TEST_F(StandbyHubTest, ADropOfWhatIsGoneTellsNothing) {
  pb::DescribeCollectionResponse none;
  none.mutable_status()->set_code(100);
  server_.On("DescribeCollection", Always(none));
  server_.On("DropCollection", Always(::milvus::proto::common::Status()));
  const auto target = MakeTarget(QuietHub());
  EXPECT_TRUE(target->metadata().Apply(DropCollection{{"default", "a"}}, {}).ok());
  EXPECT_THAT(Sent(kChannel), SizeIs(0));
}

TEST_F(StandbyHubTest, ACollectionThatIsMadeAnewIsWrittenUnderItsNewId) {
  const auto target = MakeTarget(QuietHub());
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().status.ok());
  server_.On("DropCollection", Always(::milvus::proto::common::Status()));
  ASSERT_TRUE(target->metadata().Apply(DropCollection{{"default", "a"}}, {}).ok());
  server_.On("DescribeCollection", [](const auto&) {
    pb::DescribeCollectionResponse anew = Describe("a");
    anew.set_collectionid(9);
    return FakeMilvusServer::Reply::Of(anew);
  });
  EXPECT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 2)).get().status.ok());
  ::milvus::proto::msg::InsertRequest insert;
  ASSERT_TRUE(insert.ParseFromString(Sent(kChannel).back().front().bytes));
  EXPECT_EQ(insert.collectionid(), 9);
}

TEST_F(StandbyHubTest, AStopEndsADropThatIsBeingAnnounced) {
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
  EXPECT_TRUE(ahead.get().status.ok()) << "the stop is of the metadata alone";
}

TEST_F(StandbyHubTest, AStoppedLookAtALayoutMayOutliveItsCaller) {
  auto target = MakeTarget(QuietHub());
  server_.Hang("DescribeCollection");
  std::stop_source stop;
  auto drop = std::async(std::launch::async, [&] {
    return target->metadata().Apply(DropCollection{{"db", "a"}}, stop.get_token());
  });
  ASSERT_TRUE(server_.WaitForRequests("DescribeCollection", 1));
  stop.request_stop();
  EXPECT_EQ(drop.get().code(), StatusCode::kCancelled);
  target.reset();  // waits for the answer that nobody needs any more
}

TEST_F(StandbyHubTest, RowsOfACollectionThatIsNotThereAreNotFound) {
  pb::DescribeCollectionResponse none;
  none.mutable_status()->set_code(100);
  server_.On("DescribeCollection", Always(none));
  const auto target = MakeTarget(QuietHub());
  EXPECT_EQ(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().status.code(),
            StatusCode::kNotFound);
}

TEST_F(StandbyHubTest, TheProbeTellsAStandbyFromOthers) {
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
  EXPECT_FALSE(*ProbeStandby(calls));
  SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(0, "")); });
  EXPECT_FALSE(*ProbeStandby(calls));
  SetReplicate([](const auto&) {
    return FakeMilvusServer::Reply::Error(grpc::StatusCode::UNAVAILABLE, "down");
  });
  EXPECT_EQ(ProbeStandby(calls).status().code(), StatusCode::kUnavailable);
}

TEST_F(StandbyHubTest, ItsPulseIsThatOfTheTicks) {
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

TEST_F(StandbyHubTest, ACallWithoutAnAnswerIsNoPulse) {
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

TEST_F(StandbyHubTest, RowsThatAreRefusedAreNotTheStandbysDeath) {
  const auto hub = QuietHub();
  const auto target = MakeTarget(hub);
  ASSERT_TRUE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 1)).get().status.ok());
  SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(65535, "no such")); });
  EXPECT_FALSE(StartWrite(target.get(), Rows("a", RowOp::kInsert, 2)).get().status.ok());
  EXPECT_TRUE(hub->Health().ok()) << hub->Health().ToString();
}

TEST_F(StandbyHubTest, TasksOfOneTargetShareAHub) {
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
  // Credentials are the hub's when somebody has proved them.
  const TargetOptions with_token{.uri = server_.uri(), .token = "root:Milvus"};
  EXPECT_EQ(one, *hubs.Hold(with_token));
  one->Tick({kChannel});
  ASSERT_TRUE(Eventually([&] { return Sent(kChannel).size() > 1; }));
  EXPECT_FALSE(is_authorized());
  ASSERT_TRUE(one->UseCredentials(with_token).ok());
  EXPECT_TRUE(Eventually(is_authorized));
  const std::weak_ptr<StandbyHub> known = one;
  one.reset();
  EXPECT_TRUE(known.expired());
}

}  // namespace
}  // namespace cdc
