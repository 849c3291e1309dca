#include "milvus/milvus_status.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common.pb.h"
#include "milvus.pb.h"

namespace cdc {
namespace {

namespace common = ::milvus::proto::common;

using ::testing::HasSubstr;

common::Status Answer(int code, int legacy, const std::string& reason, bool retriable = false) {
  common::Status status;
  status.set_code(code);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  status.set_error_code(static_cast<common::ErrorCode>(legacy));
#pragma GCC diagnostic pop
  status.set_reason(reason);
  status.set_retriable(retriable);
  return status;
}

struct Case {
  const char* name;
  common::Status answer;
  StatusCode want;
  bool clean;
};

void PrintTo(const Case& each, std::ostream* out) { *out << each.name; }

class MilvusStatusTest : public ::testing::TestWithParam<Case> {};

TEST_P(MilvusStatusTest, IsClassified) {
  const Case& each = GetParam();
  const Status status = FromMilvusStatus(each.answer);
  EXPECT_EQ(status.code(), each.want) << status.ToString();
  EXPECT_EQ(IsCleanRefusal(each.answer), each.clean);
  if (!status.ok()) {
    EXPECT_THAT(status.message(), HasSubstr(each.answer.reason()));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Answers,
    MilvusStatusTest,
    ::testing::Values(
        Case{"Ok", Answer(0, 0, ""), StatusCode::kOk, false},
        // Answers of Milvus 2.3.5.
        Case{"RateLimit", Answer(8, 49, "request is rejected"), StatusCode::kResourceExhausted,
             true},
        Case{"RateLimitWithBit", Answer(65536 + 8, 49, "x"), StatusCode::kResourceExhausted, true},
        Case{"ForceDeny", Answer(9, 48, "quota"), StatusCode::kResourceExhausted, true},
        Case{"NotReady", Answer(1, 56, "service not ready"), StatusCode::kUnavailable, true},
        Case{"Collection", Answer(100, 4, "collection not found"), StatusCode::kNotFound, true},
        Case{"Partition", Answer(200, 15, "partition not found"), StatusCode::kNotFound, true},
        Case{"Index", Answer(700, 25, "index not found"), StatusCode::kNotFound, true},
        Case{"Database", Answer(800, 1, "database not found"), StatusCode::kNotFound, true},
        Case{"Parameter", Answer(1100, 5, "field x"), StatusCode::kInvalidArgument, true},
        Case{"Channel", Answer(500, 1, "channel not found"), StatusCode::kUnavailable, false},
        Case{"Queue", Answer(1302, 1, "mq"), StatusCode::kUnavailable, false},
        Case{"NotAuthenticated", Answer(1400, 1, "who"), StatusCode::kUnauthenticated, true},
        Case{"NoPrivilege", Answer(1401, 3, "no"), StatusCode::kPermissionDenied, true},
        Case{"Standby", Answer(1303, 1, "deny"), StatusCode::kFailedPrecondition, true},
        Case{"Timeout", Answer(10001, 1, "timeout"), StatusCode::kDeadlineExceeded, false},
        Case{"DatabaseExists", Answer(65535, 1, "database already exist: d"),
             StatusCode::kAlreadyExists, true},
        Case{"OtherCollection",
             Answer(
                 65535, 1, "create duplicate collection with different parameters, collection: c"),
             StatusCode::kAlreadyExists, true},
        Case{
            "OtherIndex",
            Answer(65535, 1, "CreateIndex failed: at most one distinct index is allowed per field"),
            StatusCode::kAlreadyExists, true},
        Case{"Loaded", Answer(65535, 1, "index cannot be dropped, collection is loaded"),
             StatusCode::kFailedPrecondition, true},
        Case{"Unexpected", Answer(65535, 1, "boom"), StatusCode::kUnknown, false},
        Case{"UnexpectedRetriable", Answer(65535, 1, "boom", true), StatusCode::kUnavailable,
             false},
        Case{"UnexpectedTransport", Answer(65535, 1, "rpc error: code = Unavailable desc = x"),
             StatusCode::kUnavailable, false},
        Case{"Internal", Answer(5, 1, "oops"), StatusCode::kInternal, false},
        Case{"UnknownCode", Answer(31999, 1, "new"), StatusCode::kUnknown, false},
        // Answers of Milvus up to 2.2: only the legacy code.
        Case{"OldNotFound", Answer(0, 4, "can't find collection"), StatusCode::kNotFound, true},
        Case{"OldRateLimit", Answer(0, 49, "slow down"), StatusCode::kResourceExhausted, true},
        Case{"OldUnexpected", Answer(0, 1, "boom"), StatusCode::kUnknown, false},
        // Answers of Milvus Lite.
        Case{"LiteDatabase", Answer(6, 6, "database 'd' does not exist"), StatusCode::kNotFound,
             true},
        Case{"LiteExists", Answer(1, 1, "collection 'c' already exists"),
             StatusCode::kAlreadyExists, true},
        Case{"LiteNoLegacyCode", Answer(1, 0, "database 'd' does not exist"), StatusCode::kNotFound,
             true},
        Case{"LiteArgument", Answer(6, 6, "primary key 'id' missing"), StatusCode::kInvalidArgument,
             true},
        Case{"LiteIndexExists", Answer(35, 35, "index already exists"), StatusCode::kAlreadyExists,
             true},
        Case{"LiteNotEmpty", Answer(6, 6, "database 'd' is not empty"),
             StatusCode::kFailedPrecondition, true}),
    [](const auto& each) { return each.param.name; });

TEST(MutationResultTest, FailedRowsAreAnError) {
  ::milvus::proto::milvus::MutationResult result;
  bool in_doubt = true;
  EXPECT_TRUE(FromMutationResult(result, &in_doubt).ok());
  EXPECT_FALSE(in_doubt);
  result.add_err_index(0);
  EXPECT_EQ(FromMutationResult(result, &in_doubt).code(), StatusCode::kUnknown);
  EXPECT_TRUE(in_doubt);
  // A refusal lists all rows.
  *result.mutable_status() = Answer(8, 49, "rate limit");
  EXPECT_EQ(FromMutationResult(result, &in_doubt).code(), StatusCode::kResourceExhausted);
  EXPECT_FALSE(in_doubt);
}

}  // namespace
}  // namespace cdc
