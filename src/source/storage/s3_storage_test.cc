// OpenS3Storage against a small S3 of our own.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "base/mutex.h"
#include "base/thread.h"
#include "source/storage/stoppable_call.h"
#include "source/storage/storage.h"

namespace cdc {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The library's state can be made and ended once in a process.
class S3End final : public testing::Environment {
 public:
  void TearDown() override { EXPECT_EQ(EndStorage(), OkStatus()); }
};
[[maybe_unused]] const testing::Environment* const kS3End =
    testing::AddGlobalTestEnvironment(new S3End);

// Bucket "a-bucket". What HEAD and GET of objects and a list need, and no more.
class FakeS3 {
 public:
  FakeS3() {
    server_.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      Answer(request, &response);
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = Thread("fake-s3", [this](const std::stop_token&) { server_.listen_after_bind(); });
  }
  // A server that has answered is running; before, a stop would be missed.
  ~FakeS3() {
    Thaw();
    server_.stop();
  }
  FakeS3(const FakeS3&) = delete;
  FakeS3& operator=(const FakeS3&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  // To be set before the first call.
  std::map<std::string, std::string> objects;  // by key
  int bucket_status = 200;
  int object_status = 200;

  // From now on no request is answered until `Thaw`.
  void Freeze() { SetFrozen(true); }
  void Thaw() { SetFrozen(false); }
  void WaitForFrozenRequest() {
    MutexLock lock(mutex_);
    changed_.Wait(lock, {}, [this] { return asked_; });
  }

 private:
  void SetFrozen(bool frozen) {
    MutexLock lock(mutex_);
    frozen_ = frozen;
    asked_ = false;
    changed_.NotifyAll();
  }

  void Answer(const httplib::Request& request, httplib::Response* response) {
    const std::string bucket = "/a-bucket";
    {
      MutexLock lock(mutex_);
      asked_ = asked_ || frozen_;
      changed_.NotifyAll();
      changed_.Wait(lock, {}, [this] { return !frozen_; });
    }
    if (!request.path.starts_with(bucket) ||
        request.get_header_value("Authorization").find("Credential=key/") == std::string::npos) {
      response->status = 404;
    } else if (request.has_param("list-type")) {
      response->status = object_status;
      response->set_content(List(request.get_param_value("prefix")), "application/xml");
    } else if (request.path.size() <= bucket.size() + 1) {
      response->status = bucket_status;
    } else if (const auto found = objects.find(request.path.substr(bucket.size() + 1));
               object_status != 200 || found == objects.end()) {
      response->status = object_status != 200 ? object_status : 404;
    } else {
      response->set_content(found->second, "application/octet-stream");  // ranges, too
    }
  }

  std::string List(const std::string& prefix) const {
    std::string xml = "<ListBucketResult><IsTruncated>false</IsTruncated>";
    for (const auto& [key, bytes] : objects) {
      if (key.starts_with(prefix)) {
        xml += "<Contents><Key>" + key + "</Key><Size>" + std::to_string(bytes.size()) +
               "</Size></Contents>";
      }
    }
    return xml + "</ListBucketResult>";
  }

  Mutex mutex_;
  CondVar changed_;
  bool frozen_ = false;
  bool asked_ = false;  // since it is frozen
  httplib::Server server_;
  int port_ = 0;
  Thread thread_;  // nothing may be declared after it: it is joined first
};

S3StorageOptions Options(const std::string& address) {
  return {.address = address, .access_key = "key", .secret_key = "swordfish"};
}

TEST(S3StorageTest, ReadsBelowItsRoot) {
  FakeS3 s3;
  s3.objects = {{"files/a/1", "0123456789"}, {"files/a/2", ""}, {"a/3", ""}};
  const auto storage = OpenS3Storage(Options(s3.address()));
  ASSERT_TRUE(storage.ok()) << storage.status().ToString();
  const auto file = (*storage)->Open("a/1");
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->size(), 10);
  std::string part(4, ' ');
  EXPECT_EQ((*file)->ReadAt(3, 4, part.data()), OkStatus());
  EXPECT_EQ(part, "3456");
  EXPECT_EQ((*file)->ReadAt(8, 4, part.data()).code(), StatusCode::kDataLoss);
  const auto names = (*storage)->List("a");
  ASSERT_TRUE(names.ok()) << names.status().ToString();
  EXPECT_THAT(*names, ElementsAre("1", "2"));
  const auto none = (*storage)->List("b");
  ASSERT_TRUE(none.ok()) << none.status().ToString();
  EXPECT_THAT(*none, IsEmpty());
  EXPECT_THAT(
      (*storage)->Open("a/3").status().ToString(),
      HasSubstr("NOT_FOUND: cannot open a/3 in bucket a-bucket, root files, of " + s3.address()));
}

TEST(S3StorageTest, SaysWhyABucketCannotBeOpened) {
  const auto opening = [](int status, const std::string& bucket) {
    FakeS3 s3;
    s3.bucket_status = status;
    S3StorageOptions options = Options(s3.address());
    options.bucket = bucket;
    const Status opened = OpenS3Storage(options).status();
    EXPECT_THAT(opened.message(), AllOf(HasSubstr("cannot open bucket " + bucket + ", root files"),
                                        HasSubstr(s3.address()), Not(HasSubstr("swordfish"))));
    return opened.code();
  };
  EXPECT_EQ(opening(200, "another"), StatusCode::kNotFound);
  EXPECT_EQ(opening(403, "a-bucket"), StatusCode::kPermissionDenied);
  EXPECT_EQ(opening(301, "a-bucket"), StatusCode::kInvalidArgument);
  EXPECT_EQ(opening(500, "a-bucket"), StatusCode::kUnavailable);
}

TEST(S3StorageTest, SaysWhyAFileCannotBeRead) {
  for (const auto& [status, code] :
       {std::pair{403, StatusCode::kPermissionDenied}, {500, StatusCode::kUnavailable}}) {
    FakeS3 s3;
    s3.object_status = status;
    const auto storage = OpenS3Storage(Options(s3.address()));
    ASSERT_TRUE(storage.ok()) << storage.status().ToString();
    EXPECT_EQ((*storage)->Open("a/1").status().code(), code);
    EXPECT_EQ((*storage)->List("a").status().code(), code);
  }
}

// Whatever the server does, nobody who wants to stop waits for it.
TEST(S3StorageTest, AStopWaitsForNoAnswer) {
  FakeS3 s3;
  s3.objects = {{"files/a/1", std::string(100'000, 'x')}};
  const auto storage = OpenS3Storage(Options(s3.address()));
  ASSERT_TRUE(storage.ok()) << storage.status().ToString();
  const auto stopped = [&](const std::function<Status(Storage&, StorageFile&)>& call) {
    std::stop_source stop;
    const std::unique_ptr<Storage> until = (*storage)->Until(stop.get_token());
    const auto file = until->Open("a/1");
    EXPECT_TRUE(file.ok()) << file.status().ToString();
    s3.Freeze();
    const Thread stopper("stopper", [&](const std::stop_token&) {
      s3.WaitForFrozenRequest();
      stop.request_stop();
    });
    const auto begin = std::chrono::steady_clock::now();
    const Status status = call(*until, **file);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
    EXPECT_EQ(until->Open("a/1").status().code(), StatusCode::kCancelled);  // from now on
    EXPECT_EQ(EndStorage().code(), StatusCode::kUnavailable);               // the call still waits
    s3.Thaw();
    while (CallsAreLeft()) {
      Pause(std::chrono::milliseconds(10), {});
    }
    return status.code();
  };
  EXPECT_EQ(stopped([](Storage& until, StorageFile&) { return until.Open("a/1").status(); }),
            StatusCode::kCancelled);
  EXPECT_EQ(stopped([](Storage& until, StorageFile&) { return until.List("a").status(); }),
            StatusCode::kCancelled);
  EXPECT_EQ(stopped([](Storage&, StorageFile& file) {
              std::string bytes(100'000, ' ');
              return file.ReadAt(0, 100'000, bytes.data());
            }),
            StatusCode::kCancelled);
}

TEST(S3StorageTest, AServerThatIsSilentFromTheBeginningIsKnownSoon) {
  FakeS3 s3;
  s3.Freeze();
  S3StorageOptions options = Options(s3.address());
  options.connect_timeout = std::chrono::milliseconds(500);
  const auto begin = std::chrono::steady_clock::now();
  const Status status = OpenS3Storage(options).status();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("bucket a-bucket, root files, of " + s3.address()));
}

TEST(S3StorageTest, NobodyListens) {
  const auto begin = std::chrono::steady_clock::now();
  const Status status = OpenS3Storage(Options("127.0.0.1:1")).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("bucket a-bucket, root files, of 127.0.0.1:1"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

}  // namespace
}  // namespace cdc
