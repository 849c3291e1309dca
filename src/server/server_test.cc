#include "server/server.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "base/mutex.h"
#include "base/testing/eventually.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/temp_dir.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;

constexpr const char* kCreate =
    R"({"request_type":"create","request_data":{"task_id":"t1","milvus_connect_param":
    {"uri":"http://h:1"},"collection_infos":[{"name":"c"}]}})";

// A source that the test makes available or not.
class FakeSource {
 public:
  Result<std::unique_ptr<OpenSource>> Open() {
    ++attempts_;
    MutexLock lock(mutex_);
    CDC_RETURN_IF_ERROR(status_);
    return std::unique_ptr<OpenSource>(std::make_unique<Opened>(this));
  }

  void SetStatus(Status status) {
    MutexLock lock(mutex_);
    status_ = std::move(status);
  }

  int attempts() const { return attempts_; }
  FakeReplicator& replicator() { return replicator_; }

 private:
  class Opened final : public OpenSource {
   public:
    explicit Opened(FakeSource* source) : source_(source) {}
    Replicator* replicator() override { return &source_->replicator_; }
    Status Health() const override {
      MutexLock lock(source_->mutex_);
      return source_->status_;
    }

   private:
    FakeSource* const source_;
  };

  mutable Mutex mutex_;
  Status status_ CDC_GUARDED_BY(mutex_);
  std::atomic<int> attempts_{0};
  FakeReplicator replicator_;
};

class ServerTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Server>> TryStart() {
    ServerOptions options;
    options.config.address = "127.0.0.1:0";
    options.config.meta_store.sqlite_path = dir_.File("cdc.db");
    options.version = "1.2.3";
    options.open_source = [this](const Config&, MetaStore*, StandbyHubs*) {
      return source_.Open();
    };
    options.source_backoff = {std::chrono::milliseconds(1), std::chrono::milliseconds(5)};
    return StartServer(std::move(options));
  }

  void Start() {
    Result<std::unique_ptr<Server>> server = TryStart();
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }

  std::string Post(const std::string& body) {
    httplib::Client client("127.0.0.1", server_->port());
    const httplib::Result result = client.Post("/cdc", body, "application/json");
    return result ? result->body : "no answer";
  }

  std::pair<int, std::string> Get(const std::string& path) {
    httplib::Client client("127.0.0.1", server_->port());
    const httplib::Result result = client.Get(path);
    return result ? std::pair(result->status, result->body) : std::pair(0, std::string());
  }

  TempDir dir_;
  FakeSource source_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersWithTheReasonUntilTheSourceIsOpen) {
  source_.SetStatus(UnavailableError("sourceConfig.etcd: no endpoint answers: 127.0.0.1:2379"));
  Start();
  ASSERT_TRUE(Eventually([this] { return source_.attempts() > 2; }));
  EXPECT_EQ(Get("/readyz").first, 503);
  EXPECT_EQ(Get("/healthz").first, 200);
  for (const char* path : {"/readyz", "/healthz"}) {
    EXPECT_THAT(Get(path).second, HasSubstr("no endpoint answers: 127.0.0.1:2379"));
  }
  EXPECT_EQ(Post(kCreate),
            "{\"code\":500,\"message\":\"fail to handle the create request, error: the source is "
            "not ready: sourceConfig.etcd: no endpoint answers: 127.0.0.1:2379\"}\n");
  EXPECT_EQ(Post(R"({"request_type":"list"})"), "{\"code\":200,\"data\":{\"tasks\":[]}}\n");
  source_.SetStatus(OkStatus());
  ASSERT_TRUE(Eventually([this] { return Get("/readyz").first == 200; }));
  EXPECT_THAT(Post(kCreate), HasSubstr(R"({"code":200,"data":{"task_id":"t1")"));
  EXPECT_TRUE(source_.replicator().running("t1"));
  source_.SetStatus(UnavailableError("watch lost"));
  EXPECT_EQ(Get("/readyz").first, 503);
  EXPECT_EQ(Get("/healthz").first, 200);
}

TEST_F(ServerTest, RestartGoesOnAlsoIfTheSourceComesLater) {
  Start();
  ASSERT_TRUE(Eventually([this] { return Get("/readyz").first == 200; }));
  Post(kCreate);
  server_.reset();
  EXPECT_FALSE(source_.replicator().running("t1"));
  source_.SetStatus(UnavailableError("down"));
  Start();
  ASSERT_TRUE(Eventually([this] {
    return Post(R"({"request_type":"get","request_data":{"task_id":"t1"}})")
               .find(
                   R"("condition":{"state":"retrying","reason":"the source is not ready: down")") !=
           std::string::npos;
  }));
  EXPECT_THAT(Post(R"({"request_type":"list"})"), HasSubstr(R"("state":"Running")"));
  source_.SetStatus(OkStatus());
  EXPECT_TRUE(Eventually([this] { return source_.replicator().running("t1"); }));
}

TEST_F(ServerTest, SecondServerOnTheSameStoreIsRefused) {
  Start();
  const Status second = TryStart().status();
  EXPECT_EQ(second.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.message(), HasSubstr("in use by another server"));
}

TEST_F(ServerTest, StopsWhileTheSourceIsAwaited) {
  source_.SetStatus(UnavailableError("down"));
  Start();
  server_->Stop();
  server_->Stop();
  const int attempts = source_.attempts();
  EXPECT_EQ(Get("/healthz").first, 0);
  EXPECT_EQ(source_.attempts(), attempts);
}

}  // namespace
}  // namespace cdc
