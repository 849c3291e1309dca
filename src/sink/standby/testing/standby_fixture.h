#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "milvus.pb.h"
#include "milvus/testing/fake_milvus_server.h"
#include "model/testing/insert_builder.h"
#include "msg.pb.h"
#include "sink/standby/standby_hub.h"
#include "sink/standby/standby_target.h"
#include "sink/target.h"

namespace cdc {

// A fake standby with two collections, `a` and `b`, that share both channels. It records all calls.
class StandbyFixture : public ::testing::Test {
 protected:
  static constexpr char kChannel[] = "dst-dml_0";
  static constexpr char kOther[] = "dst-dml_1";

  struct SentMessage {
    int type = 0;
    uint64_t stamp = 0;
    std::string bytes;
  };
  using Calls = std::vector<std::vector<SentMessage>>;  // of one channel

  StandbyFixture() {
    server_.On("AllocTimestamp", [this](const auto&) {
      ::milvus::proto::milvus::AllocTimestampResponse response;
      response.set_timestamp(clock_ += 100);
      return FakeMilvusServer::Reply::Of(response);
    });
    SetReplicate([](const auto&) { return FakeMilvusServer::Reply::Of(Answer(0, "")); });
    ::milvus::proto::milvus::ListDatabasesResponse databases;
    databases.add_db_names("default");
    server_.On("ListDatabases", Always(databases));
    ::milvus::proto::milvus::ShowCollectionsResponse collections;
    collections.add_collection_names("a");
    server_.On("ShowCollections", Always(collections));
    server_.On("DescribeCollection", [](const FakeMilvusServer::Request& request) {
      ::milvus::proto::milvus::DescribeCollectionRequest asked;
      EXPECT_TRUE(asked.ParseFromString(request.body));
      return FakeMilvusServer::Reply::Of(Describe(asked.collection_name()));
    });
    ::milvus::proto::milvus::ShowPartitionsResponse partitions;
    partitions.add_partition_names("_default");
    partitions.add_partitionids(70);
    server_.On("ShowPartitions", Always(partitions));
  }

  static FakeMilvusServer::Answer Always(const google::protobuf::Message& message) {
    return [reply = FakeMilvusServer::Reply::Of(message)](const auto&) { return reply; };
  }

  static ::milvus::proto::milvus::ReplicateMessageResponse Answer(int code,
                                                                  const std::string& reason) {
    ::milvus::proto::milvus::ReplicateMessageResponse response;
    response.mutable_status()->set_code(code);
    response.mutable_status()->set_reason(reason);
    return response;
  }

  static ::milvus::proto::milvus::DescribeCollectionResponse Describe(const std::string& name) {
    ::milvus::proto::milvus::DescribeCollectionResponse response;
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
  // Without ticks: sends only what a test sends.
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
      ::milvus::proto::milvus::ReplicateMessageRequest call;
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

  // Whether the last call holds more than a tick.
  static bool HasRows(const Calls& calls) { return !calls.empty() && calls.back().size() > 1; }

  // Answers calls with rows after `go`, and ticks at once.
  void HoldRowsUntil(const std::shared_future<void>& go) {
    SetReplicate([go](const FakeMilvusServer::Request& request) {
      ::milvus::proto::milvus::ReplicateMessageRequest call;
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

  // Every stamp is above all earlier ones; a tick behind rows repeats the last stamp of the rows.
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

}  // namespace cdc
