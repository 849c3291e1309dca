#include "sink/api/milvus_target.h"

#include <algorithm>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "milvus.pb.h"
#include "milvus/testing/fake_milvus_server.h"
#include "model/testing/insert_builder.h"
#include "sink/testing/wait_for_pulse.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

class MilvusTargetTest : public ::testing::Test {
 protected:
  static FakeMilvusServer::Answer Always(const google::protobuf::Message& message) {
    return [reply = FakeMilvusServer::Reply::Of(message)](const auto&) { return reply; };
  }
  static FakeMilvusServer::Answer Fails(grpc::StatusCode code, const std::string& text) {
    return [=](const auto&) { return FakeMilvusServer::Reply::Error(code, text); };
  }

  std::unique_ptr<Target> MakeTarget(milliseconds timeout = kPatience) {
    return *NewMilvusTarget({.uri = server_.uri(),
                             .token = "root:Milvus",
                             .ddl_timeout = timeout,
                             .write_timeout = timeout});
  }

  static RowBatch SomeRows() {
    RowBatch batch;
    batch.target = {"db", "things"};
    batch.primary_key = "id";
    batch.messages = {MakeInsert({LongField(100, "id", {1, 2})}, 2)};
    batch.rows = 2;
    return batch;
  }

  static std::future<WriteResult> StartWrite(Target* target) {
    auto promise = std::make_shared<std::promise<WriteResult>>();
    target->rows().Write(SomeRows(),
                         [promise](const WriteResult& result) { promise->set_value(result); });
    return promise->get_future();
  }
  static WriteResult Write(Target* target) { return StartWrite(target).get(); }

  FakeMilvusServer server_;
};

TEST_F(MilvusTargetTest, ConnectsWithItsCredentials) {
  pb::ConnectResponse hello;
  hello.mutable_server_info()->set_build_tags("v2.4.1");
  server_.On("Connect", Always(hello));
  EXPECT_EQ(MakeTarget()->metadata().Connect(kPatience, {})->version, "v2.4.1");
  // base64 of root:Milvus
  EXPECT_EQ(server_.requests().at(0).metadata.at("authorization"), "cm9vdDpNaWx2dXM=");
}

TEST_F(MilvusTargetTest, AsksOldServersForTheirVersion) {
  pb::GetVersionResponse version;
  version.set_version("v2.2.0");
  server_.On("GetVersion", Always(version));
  EXPECT_EQ(MakeTarget()->metadata().Connect(kPatience, {})->version, "v2.2.0");
}

TEST_F(MilvusTargetTest, SaysWhyCredentialsAreRefused) {
  server_.On("Connect",
             Fails(grpc::StatusCode::UNAUTHENTICATED, "auth check failure: wrong password"));
  const Status status = MakeTarget()->metadata().Connect(kPatience, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnauthenticated);
  EXPECT_THAT(status.message(), HasSubstr("wrong password"));
  EXPECT_THAT(status.message(), Not(HasSubstr("Milvus:")));
}

TEST_F(MilvusTargetTest, NamesAnAddressThatIsDead) {
  std::string dead;
  {
    FakeMilvusServer gone;
    dead = gone.uri();
  }
  auto target = *NewMilvusTarget({.uri = dead});
  const Status status = target->metadata().Connect(kPatience, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr(dead.substr(7)));
  const WriteResult result = Write(target.get());
  EXPECT_EQ(result.status.code(), StatusCode::kUnavailable);
  EXPECT_FALSE(result.in_doubt);  // it was never sent
}

TEST_F(MilvusTargetTest, NamesAnAddressThatIsSilent) {
  server_.Hang("Connect");
  const Status status = MakeTarget()->metadata().Connect(milliseconds(100), {}).status();
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(status.message(), HasSubstr(server_.uri().substr(7)));
  EXPECT_THAT(status.message(), HasSubstr("no answer within 100 ms"));
}

TEST_F(MilvusTargetTest, ItsPulseTellsOneMilvusFromAnother) {
  const auto target = MakeTarget();
  const auto pulse = [&] { return WaitForPulse(*target, milliseconds(2000)); };
  EXPECT_EQ(*pulse(), "");  // UNIMPLEMENTED: a Milvus without databases
  pb::ListDatabasesResponse databases;
  databases.add_db_names("a");
  databases.add_db_names("default");
  server_.On("ListDatabases", Always(databases));
  EXPECT_EQ(*pulse(), "");  // Milvus Lite
  databases.add_created_timestamp(7);
  databases.add_created_timestamp(1'795'702'273'584'745'960);
  server_.On("ListDatabases", Always(databases));
  EXPECT_EQ(*pulse(), "1795702273584745960");
  databases.set_created_timestamp(1, 0);
  server_.On("ListDatabases", Always(databases));
  EXPECT_EQ(*pulse(), "");
}

TEST_F(MilvusTargetTest, ItsPulseSaysWhyThereIsNone) {
  server_.Hang("ListDatabases");
  const auto target = MakeTarget();
  const Status silent = WaitForPulse(*target, milliseconds(100)).status();
  EXPECT_EQ(silent.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(silent.message(), HasSubstr(server_.uri().substr(7)));
  pb::ListDatabasesResponse starting;
  starting.mutable_status()->set_code(2);
  server_.On("ListDatabases", Always(starting));
  EXPECT_EQ(WaitForPulse(*target, milliseconds(2000)).status().code(), StatusCode::kUnavailable);
  server_.On("ListDatabases", Fails(grpc::StatusCode::UNAUTHENTICATED, "auth check failure"));
  EXPECT_EQ(WaitForPulse(*target, milliseconds(2000)).status().code(),
            StatusCode::kUnauthenticated);
}

TEST_F(MilvusTargetTest, RefusesABadUri) {
  EXPECT_EQ(NewMilvusTarget({.uri = "milvus:19530"}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(MilvusTargetTest, WritesAndReportsSuccess) {
  server_.On("Insert", Always(pb::MutationResult()));
  auto target = MakeTarget();
  const WriteResult result = Write(target.get());
  EXPECT_TRUE(result.status.ok()) << result.status.ToString();
  EXPECT_FALSE(result.in_doubt);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].metadata.at("dbname"), "db");
  pb::InsertRequest request;
  ASSERT_TRUE(request.ParseFromString(requests[0].body));
  EXPECT_EQ(request.num_rows(), 2U);
}

TEST_F(MilvusTargetTest, ARefusedWriteIsNotInDoubt) {
  pb::MutationResult refused;
  refused.mutable_status()->set_code(8);
  refused.mutable_status()->set_reason("rate limit exceeded");
  refused.add_err_index(0);
  server_.On("Insert", Always(refused));
  const WriteResult result = Write(MakeTarget().get());
  EXPECT_EQ(result.status.code(), StatusCode::kResourceExhausted);
  EXPECT_FALSE(result.in_doubt);
}

TEST_F(MilvusTargetTest, AnUnansweredWriteIsInDoubt) {
  server_.Hang("Insert");
  const WriteResult result = Write(MakeTarget(milliseconds(100)).get());
  EXPECT_EQ(result.status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(result.in_doubt);
}

TEST_F(MilvusTargetTest, ALostConnectionLeavesDoubt) {
  auto server = std::make_unique<FakeMilvusServer>();
  server->Hang("Insert");
  auto target = *NewMilvusTarget({.uri = server->uri()});
  auto result = StartWrite(target.get());
  ASSERT_TRUE(server->WaitForRequests("Insert", 1));
  server.reset();
  const WriteResult lost = result.get();
  EXPECT_TRUE(IsRetryable(lost.status)) << lost.status.ToString();
  EXPECT_TRUE(lost.in_doubt);
}

TEST_F(MilvusTargetTest, AnAnswerThatIsNoneLeavesDoubt) {
  server_.On("Insert", [](const auto&) { return FakeMilvusServer::Reply{0, "", "\xff\xff"}; });
  const WriteResult result = Write(MakeTarget().get());
  EXPECT_EQ(result.status.code(), StatusCode::kInternal);
  EXPECT_TRUE(result.in_doubt);
}

TEST_F(MilvusTargetTest, WritesAndMetadataCallsAreCancelledApart) {
  server_.Hang("Insert");
  server_.Hang("ListDatabases");
  auto target = MakeTarget();
  auto write = StartWrite(target.get());
  std::stop_source stop;
  auto list = std::async(std::launch::async, [&] {
    return target->metadata().catalog()->ListDatabases(stop.get_token());
  });
  std::stop_source stop_other;
  auto other = std::async(std::launch::async, [&] {
    return target->metadata().catalog()->ListDatabases(stop_other.get_token());
  });
  ASSERT_TRUE(server_.WaitForRequests("Insert", 1));
  ASSERT_TRUE(server_.WaitForRequests("ListDatabases", 2));
  target->rows().CancelWrites();
  const WriteResult result = write.get();
  EXPECT_EQ(result.status.code(), StatusCode::kCancelled);
  EXPECT_TRUE(result.in_doubt);
  EXPECT_EQ(list.wait_for(milliseconds(50)), std::future_status::timeout);
  stop.request_stop();
  EXPECT_EQ(list.get().status().code(), StatusCode::kCancelled);
  EXPECT_EQ(other.wait_for(milliseconds(50)), std::future_status::timeout);
  stop_other.request_stop();
  EXPECT_EQ(other.get().status().code(), StatusCode::kCancelled);
}

TEST_F(MilvusTargetTest, ACallThatIsStoppedBeforehandIsCancelled) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(MakeTarget()->metadata().Apply(DropDatabase{"db"}, stop.get_token()).code(),
            StatusCode::kCancelled);
}

TEST_F(MilvusTargetTest, WritesToOneCollectionOfMilvusLiteGoOneAtATime) {
  pb::GetVersionResponse version;
  version.set_version("milvus_lite-3.2.2");
  server_.On("GetVersion", Always(version));
  server_.On("Insert", Always(pb::MutationResult()));
  auto target = MakeTarget();
  ASSERT_TRUE(target->metadata().Connect(kPatience, {}).ok());
  auto first = StartWrite(target.get());
  auto second = StartWrite(target.get());
  EXPECT_TRUE(first.get().status.ok());
  EXPECT_TRUE(second.get().status.ok());

  server_.Hang("Insert");
  first = StartWrite(target.get());
  second = StartWrite(target.get());
  RowBatch other = SomeRows();
  other.target.collection = "others";
  other.op = RowOp::kDelete;
  other.messages = {MakeDelete(std::vector<int64_t>{1})};
  other.deletes = {other.messages[0]->keys};
  std::promise<WriteResult> beside;
  server_.On("Delete", Always(pb::MutationResult()));
  target->rows().Write(other, [&beside](const WriteResult& result) { beside.set_value(result); });
  EXPECT_TRUE(beside.get_future().get().status.ok());
  ASSERT_TRUE(server_.WaitForRequests("Insert", 3));
  target->rows().CancelWrites();
  EXPECT_TRUE(first.get().in_doubt);
  const WriteResult never_sent = second.get();
  EXPECT_EQ(never_sent.status.code(), StatusCode::kCancelled);
  EXPECT_FALSE(never_sent.in_doubt);
}

// Two calls that are the first to name a collection after a rename or restart would open it twice,
// and rows written to one copy would be lost.
TEST_F(MilvusTargetTest, NothingIsDoneToACollectionOfMilvusLiteBesideAWrite) {
  pb::GetVersionResponse version;
  version.set_version("milvus_lite-3.2.2");
  server_.On("GetVersion", Always(version));
  const auto others = [this] {
    const auto requests = server_.requests();
    return std::count_if(requests.begin(), requests.end(), [](const auto& request) {
      return request.method != "Connect" && request.method != "GetVersion" &&
             request.method != "ListDatabases" && request.method != "Insert";
    });
  };
  std::promise<bool> beside;
  server_.On("Insert", [&, once = std::make_shared<std::once_flag>()](const auto&) {
    std::call_once(*once, [&] {
      beside.set_value(Eventually([&] { return others() > 0; }, milliseconds(300)));
    });
    return FakeMilvusServer::Reply::Of(pb::MutationResult());
  });
  auto target = MakeTarget();
  ASSERT_TRUE(target->metadata().Connect(kPatience, {}).ok());
  auto write = StartWrite(target.get());
  ASSERT_TRUE(server_.WaitForRequests("Insert", 1));
  const CollectionName things{"db", "things"};
  auto look = std::async(std::launch::async, [&] {
    return target->metadata().catalog()->DescribeCollection(things, {});
  });
  auto rename = std::async(std::launch::async, [&] {
    return target->metadata().Apply(RenameCollection{{"db", "old_things"}, things}, {});
  });
  EXPECT_FALSE(beside.get_future().get());
  EXPECT_TRUE(write.get().status.ok());
  look.wait();
  rename.wait();
  EXPECT_GE(others(), 2);
  // The next write has its turn after all of them.
  EXPECT_TRUE(StartWrite(target.get()).get().status.ok());
}

TEST_F(MilvusTargetTest, CancelEndsTheWaitForATurn) {
  pb::GetVersionResponse version;
  version.set_version("milvus_lite-3.2.2");
  server_.On("GetVersion", Always(version));
  server_.Hang("Insert");
  auto target = MakeTarget();
  ASSERT_TRUE(target->metadata().Connect(kPatience, {}).ok());
  auto write = StartWrite(target.get());
  std::stop_source stop;
  auto look = std::async(std::launch::async, [&] {
    return target->metadata()
        .catalog()
        ->DescribeCollection({"db", "things"}, stop.get_token())
        .status();
  });
  ASSERT_TRUE(server_.WaitForRequests("Insert", 1));
  EXPECT_EQ(look.wait_for(milliseconds(50)), std::future_status::timeout);
  stop.request_stop();
  EXPECT_EQ(look.get().code(), StatusCode::kCancelled);
  target->rows().CancelWrites();
  EXPECT_EQ(write.get().status.code(), StatusCode::kCancelled);
}

// The server may still execute it, and a row written at the same time could be lost.
TEST_F(MilvusTargetTest, NoRowFollowsACallThatWasStoppedOnMilvusLite) {
  pb::GetVersionResponse version;
  version.set_version("milvus_lite-3.2.2");
  server_.On("GetVersion", Always(version));
  server_.On("Insert", Always(pb::MutationResult()));
  server_.Hang("DescribeCollection");
  auto target = MakeTarget();
  ASSERT_TRUE(target->metadata().Connect(kPatience, {}).ok());
  std::stop_source stop;
  auto look = std::async(std::launch::async, [&] {
    return target->metadata()
        .catalog()
        ->DescribeCollection({"db", "things"}, stop.get_token())
        .status();
  });
  ASSERT_TRUE(server_.WaitForRequests("DescribeCollection", 1));
  auto write = StartWrite(target.get());
  stop.request_stop();
  EXPECT_EQ(look.get().code(), StatusCode::kCancelled);
  EXPECT_EQ(write.wait_for(milliseconds(50)), std::future_status::timeout);
  target->rows().CancelWrites();
  const WriteResult result = write.get();
  EXPECT_EQ(result.status.code(), StatusCode::kCancelled);
  EXPECT_FALSE(result.in_doubt);
}

// Its Upsert would keep dynamic fields that the new row does not have; its Insert replaces the row.
TEST_F(MilvusTargetTest, AnUpsertOfMilvusLiteIsAnInsert) {
  pb::GetVersionResponse version;
  version.set_version("milvus_lite-3.2.2");
  server_.On("GetVersion", Always(version));
  server_.On("Insert", Always(pb::MutationResult()));
  auto target = MakeTarget();
  ASSERT_TRUE(target->metadata().Connect(kPatience, {}).ok());
  RowBatch rows = SomeRows();
  rows.op = RowOp::kUpsert;
  std::promise<WriteResult> done;
  target->rows().Write(rows, [&done](const WriteResult& result) { done.set_value(result); });
  const WriteResult result = done.get_future().get();
  EXPECT_TRUE(result.status.ok()) << result.status.ToString();
  EXPECT_TRUE(server_.WaitForRequests("Insert", 1));
}

TEST_F(MilvusTargetTest, ACallCancelledByTheServerIsTriedAgain) {
  server_.On("Insert", Fails(grpc::StatusCode::CANCELLED, "server is stopping"));
  const WriteResult result = Write(MakeTarget().get());
  EXPECT_EQ(result.status.code(), StatusCode::kAborted);
  EXPECT_TRUE(result.in_doubt);
}

TEST_F(MilvusTargetTest, DestructionEndsWrites) {
  server_.Hang("Insert");
  auto target = MakeTarget();
  auto result = StartWrite(target.get());
  target.reset();
  EXPECT_EQ(result.wait_for(milliseconds(0)), std::future_status::ready);
  EXPECT_EQ(result.get().status.code(), StatusCode::kCancelled);
}

TEST_F(MilvusTargetTest, ConnectsAgainAfterALoss) {
  server_.On("ListDatabases", Fails(grpc::StatusCode::UNAVAILABLE, "overloaded"));
  auto target = MakeTarget();
  EXPECT_EQ(target->metadata().catalog()->ListDatabases({}).status().code(),
            StatusCode::kUnavailable);
  pb::ListDatabasesResponse names;
  names.add_db_names("default");
  server_.On("ListDatabases", Always(names));
  EXPECT_EQ(target->metadata().catalog()->ListDatabases({})->size(), 1U);
}

TEST_F(MilvusTargetTest, WritesRowsThatCannotBeEncodedNowhere) {
  auto target = MakeTarget();
  RowBatch batch = SomeRows();
  batch.op = RowOp::kDelete;  // without keys
  WriteResult result;
  target->rows().Write(batch, [&result](const WriteResult& answer) { result = answer; });
  EXPECT_EQ(result.status.code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(result.in_doubt);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(MilvusTargetTest, ReadsKeysPageByPage) {
  pb::QueryResults page;
  auto* column = page.add_fields_data();
  column->set_field_name("id");
  column->mutable_scalars()->mutable_long_data()->add_data(7);
  column->mutable_scalars()->mutable_long_data()->add_data(-3);
  server_.On("Query", Always(page));
  const auto target = MakeTarget();
  const KeyScope scope{.target = {"db", "things"}, .primary_key = "id", .partition = "p"};
  const Result<KeyPage> read = target->keys()->ReadKeys(scope, PrimaryKey(int64_t{-9}), {});
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->keys, (std::vector<PrimaryKey>{int64_t{-3}, int64_t{7}}));
  EXPECT_EQ(read->next, PrimaryKey(int64_t{7}));
  pb::QueryRequest request;
  ASSERT_TRUE(request.ParseFromString(server_.requests().back().body));
  EXPECT_EQ(request.expr(), "id > -9");
  EXPECT_EQ(request.partition_names(0), "p");
  EXPECT_EQ(request.query_params(0).value(), "16384");
  EXPECT_EQ(request.consistency_level(), ::milvus::proto::common::Strong);
}

TEST_F(MilvusTargetTest, KeysOfWhatIsNotLoadedCanBeReadLater) {
  const auto target = MakeTarget();
  const KeyScope scope{.target = {"db", "things"}, .primary_key = "id"};
  const auto answer = [&](int code, const std::string& reason) {
    pb::QueryResults refusal;
    refusal.mutable_status()->set_code(code);
    refusal.mutable_status()->set_reason(reason);
    server_.On("Query", Always(refusal));
    return target->keys()->ReadKeys(scope, {}, {}).status();
  };
  for (const Status& status :
       {answer(101, "collection not loaded[collection=5]"),
        answer(65535, "fail to Query, reason=partition not loaded[partition=[6]]")}) {
    EXPECT_EQ(status.code(), StatusCode::kUnavailable);
    EXPECT_THAT(status.message(), HasSubstr("load all of collection db.things"));
  }
  EXPECT_EQ(answer(65535, "a node went away").code(), StatusCode::kUnavailable);
  EXPECT_EQ(answer(100, "collection not found").code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace cdc
