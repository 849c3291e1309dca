#include "source/query/page_reader.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "milvus.pb.h"
#include "milvus/endpoint.h"
#include "milvus/testing/fake_milvus_server.h"
#include "msg.pb.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;
namespace common = ::milvus::proto::common;
using testing::ElementsAre;
using testing::HasSubstr;

const std::stop_token kNoStop;

// A source with integer keys, by partition, that answers queries over real gRPC.
class PageReaderTest : public testing::Test {
 protected:
  PageReaderTest() : channel_(*ParseEndpoint(server_.uri()), {}) {
    collection_.id = {7};
    collection_.name = "c";
    collection_.vchannels = {"dml_3_7v0"};
    collection_.partitions = {{.id = {70}, .name = "p"}};
    collection_.schema.fields = {
        {.id = {100}, .name = "id", .type = DataType::kInt64, .is_primary_key = true}};
    server_.On("Query", [this](const FakeMilvusServer::Request& request) {
      pb::QueryRequest query;
      EXPECT_TRUE(query.ParseFromString(request.body));
      return FakeMilvusServer::Reply::Of(Answer(query));
    });
    server_.On("DescribeCollection", [this](const FakeMilvusServer::Request&) {
      pb::DescribeCollectionResponse response;
      response.set_collectionid(id_);
      return FakeMilvusServer::Reply::Of(response);
    });
  }

  pb::QueryResults Answer(const pb::QueryRequest& query) {
    MutexLock lock(mutex_);
    pb::QueryResults results;
    ++queries_;
    if (failures_ > 0) {
      --failures_;
      *results.mutable_status() = failure_;
      return results;
    }
    const int64_t limit = std::atoll(query.query_params(0).value().c_str());
    limits_.push_back(limit);
    if (limit > most_) {
      results.mutable_status()->set_code(65535);
      results.mutable_status()->set_reason(
          "query results exceed the maxOutputSize Limit 104857600");
      return results;
    }
    EXPECT_EQ(query.guarantee_timestamp(), 1000U);
    std::string expression = query.expr();
    if (!filter_.empty()) {
      const std::string filter = "(" + filter_ + ") and ";
      EXPECT_TRUE(expression.starts_with(filter)) << expression;
      expression.erase(0, filter.size());
    }
    const std::string prefix = "id > ";
    const int64_t after =
        expression.starts_with(prefix) ? std::atoll(expression.substr(prefix.size()).c_str()) : -1;
    auto* column = results.add_fields_data();
    column->set_field_name("id");
    auto* keys = column->mutable_scalars()->mutable_long_data();
    for (const int64_t key : keys_[query.partition_names(0)]) {
      if (key > after && keys->data_size() < limit) {
        keys->add_data(key);
      }
    }
    return results;
  }

  std::unique_ptr<PageReader> Reader(size_t page_bytes = 4U << 20) {
    const Partition& partition = collection_.partitions.front();
    return std::make_unique<PageReader>(
        &channel_,
        RowQuery{.collection = collection_.id,
                 .name = {"default", "c"},
                 .at_least = {1000},
                 .filter = filter_,
                 .page_bytes = page_bytes,
                 .backoff = {.initial = std::chrono::milliseconds(1),
                             .max = std::chrono::milliseconds(2)}},
        std::make_shared<PageEncoder>(collection_,
                                      std::map<std::string, Timestamp>{{"dml_3_7v0", {1000}}}),
        QueryPart{.id = partition.id.value, .partition = partition});
  }
  static Status ReadAll(PageReader* reader, std::vector<int64_t>* read) {
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const auto record, reader->Next(kNoStop));
      if (!record.has_value()) {
        return OkStatus();
      }
      ::milvus::proto::msg::InsertRequest insert;
      EXPECT_TRUE(insert.ParseFromString(std::string(record->payload.bytes)));
      EXPECT_EQ(insert.partitionid(), 70);
      EXPECT_EQ(insert.num_rows(), record->rows);
      const auto& data = insert.fields_data(0).scalars().long_data().data();
      read->insert(read->end(), data.begin(), data.end());
    }
  }
  void FailWith(int code, const std::string& reason, int times) {
    MutexLock lock(mutex_);
    failure_.set_code(code);
    failure_.set_reason(reason);
    failures_ = times;
  }

  FakeMilvusServer server_;
  MilvusChannel channel_;
  Collection collection_;
  Mutex mutex_;
  std::map<std::string, std::set<int64_t>> keys_ CDC_GUARDED_BY(mutex_);
  common::Status failure_ CDC_GUARDED_BY(mutex_);
  int failures_ CDC_GUARDED_BY(mutex_) = 0;
  int queries_ CDC_GUARDED_BY(mutex_) = 0;
  int64_t most_ CDC_GUARDED_BY(mutex_) = 16'384;
  std::vector<int64_t> limits_ CDC_GUARDED_BY(mutex_);
  int64_t id_ = 7;
  std::string filter_;
};

TEST_F(PageReaderTest, ReadsThePartInPages) {
  for (int64_t key = 0; key < 3'000; ++key) {
    keys_["p"].insert(key * 7);
  }
  std::vector<int64_t> read;
  const auto reader = Reader(2'000);
  const Status status = ReadAll(reader.get(), &read);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(std::set<int64_t>(read.begin(), read.end()), keys_["p"]);
  EXPECT_EQ(read.size(), 3'000U);
  EXPECT_GT(queries_, 4);
}

TEST_F(PageReaderTest, AFilterIsPartOfEveryPage) {
  filter_ = "price > 10 or price < 5";
  for (int64_t key = 0; key < 3'000; ++key) {
    keys_["p"].insert(key);
  }
  std::vector<int64_t> read;
  const auto reader = Reader(2'000);
  const Status status = ReadAll(reader.get(), &read);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(read.size(), 3'000U);
}

TEST_F(PageReaderTest, AnErrorOfTheFilterHasTheWordsOfTheSource) {
  const RowQuery query{.name = {"default", "c"}, .filter = "price >"};
  const Status wrong = FromFilterQuery(
      InternalError("cannot parse expression: price >, error: line 1:7 mismatched input"), query);
  EXPECT_EQ(wrong.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(wrong.message(), HasSubstr("line 1:7 mismatched input"));
  const Status not_loaded =
      FromFilterQuery(UnavailableError("collection not loaded[collection=7]"), query);
  EXPECT_EQ(not_loaded.code(), StatusCode::kAborted);
  EXPECT_THAT(not_loaded.message(), HasSubstr("or copy without a filter"));
}

TEST_F(PageReaderTest, PagesThatAreTooLargeAreMadeSmaller) {
  for (int64_t key = 0; key < 100; ++key) {
    keys_["p"].insert(key);
  }
  most_ = 10;
  std::vector<int64_t> read;
  const auto reader = Reader(50);
  const Status status = ReadAll(reader.get(), &read);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(read.size(), 100U);
  EXPECT_EQ(limits_[0], 256);
  EXPECT_EQ(limits_[1], 32);
  EXPECT_EQ(limits_[2], 4);
}

TEST_F(PageReaderTest, APassingErrorRepeatsThePage) {
  keys_["p"] = {1};
  FailWith(503, "channel not available", 3);
  std::vector<int64_t> read;
  const auto reader = Reader();
  ASSERT_TRUE(ReadAll(reader.get(), &read).ok());
  EXPECT_THAT(read, ElementsAre(1));
  FailWith(65535, "fail to query on all shard leaders", 100);
  const Status status = Reader()->Next(kNoStop).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << "whatever the source means by it";
  EXPECT_THAT(status.message(), HasSubstr("all shard leaders"));
}

TEST_F(PageReaderTest, ACollectionThatIsNotLoadedSaysSo) {
  FailWith(101, "failed to query: collection not loaded[collection=7]", 1);
  const Status status = Reader()->Next(kNoStop).status();
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_THAT(status.message(), HasSubstr("default.c is not loaded on the source"));
  EXPECT_THAT(status.message(), HasSubstr("load all of it"));
  EXPECT_EQ(queries_, 1) << "nothing is repeated here";
}

TEST_F(PageReaderTest, AKeyThatNoExpressionCanNameIsNotRetried) {
  FailWith(65535, "cannot parse expression: in >= -9223372036854775807-1, error: no viable", 1);
  const Status status = Reader()->Next(kNoStop).status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("no expression of the source can name its key field"));
}

TEST_F(PageReaderTest, TheNameOfAnotherCollectionIsNoticed) {
  keys_["p"] = {1};
  id_ = 8;
  const Status status = Reader()->Next(kNoStop).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("is another one by now"));
}

TEST_F(PageReaderTest, AStopEndsAWait) {
  FailWith(503, "channel not available", 100);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Reader()->Next(stop.get_token()).status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace cdc
