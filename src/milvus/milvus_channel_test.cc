#include "milvus/milvus_channel.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "milvus/testing/fake_milvus_server.h"

namespace cdc {
namespace {

using std::chrono::seconds;

// gRPC takes a message without bytes, but no buffer without a slice.
grpc::ByteBuffer EmptyMessage() {
  const grpc::Slice slice(std::string{});
  return {&slice, 1};
}

// A call begins the next one in its callback, as a queue of writes does.
TEST(MilvusChannelTest, TheEndCancelsWhatACancelledCallBegins) {
  FakeMilvusServer server;
  server.Hang("Insert");
  Mutex mutex;
  std::vector<StatusCode> codes;
  const auto begun = std::chrono::steady_clock::now();
  {
    MilvusChannel channel(*ParseEndpoint(server.uri()), {});
    const auto keep = [&](const CallResult& result) {
      MutexLock lock(mutex);
      codes.push_back(result.status.code());
    };
    channel.Start("Insert", "", EmptyMessage(), seconds(60), [&](const CallResult& result, auto*) {
      keep(result);
      channel.Start("Insert", "", EmptyMessage(), seconds(20),
                    [&](const CallResult& next, auto*) { keep(next); });
    });
    ASSERT_TRUE(server.WaitForRequests("Insert", 1));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(10));
  EXPECT_EQ(codes, (std::vector{StatusCode::kCancelled, StatusCode::kCancelled}));
}

TEST(MilvusChannelTest, ACallAfterCancelAllIsOrdinary) {
  FakeMilvusServer server;
  server.On("Flush", [](const auto&) { return FakeMilvusServer::Reply{}; });
  MilvusChannel channel(*ParseEndpoint(server.uri()), {});
  channel.CancelAll();
  Mutex mutex;
  CondVar changed;
  std::optional<Status> outcome;
  channel.Start("Flush", "", EmptyMessage(), seconds(20), [&](const CallResult& result, auto*) {
    MutexLock lock(mutex);
    outcome = result.status;
    changed.NotifyAll();
  });
  MutexLock lock(mutex);
  changed.Wait(lock, {}, [&] { return outcome.has_value(); });
  EXPECT_TRUE(outcome->ok()) << outcome->ToString();
}

}  // namespace
}  // namespace cdc
