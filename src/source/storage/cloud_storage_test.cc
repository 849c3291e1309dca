// OpenAzureStorage and OpenGcsStorage against a server that answers what the test wants.

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include "base/thread.h"
#include "source/storage/stoppable_call.h"
#include "source/storage/storage.h"

namespace cdc {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Base64 of "swordfish".
constexpr const char* kKey = "c3dvcmRmaXNo";

// Answers every request with one status.
class Answering {
 public:
  explicit Answering(int status) {
    const auto answer = [status](const httplib::Request&, httplib::Response& response) {
      response.status = status;
      response.set_content("<Error><Code>C</Code><Message>m</Message></Error>", "application/xml");
    };
    server_.set_keep_alive_max_count(1);  // a stop waits for connections
    server_.Get(".*", answer);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = Thread("answering", [this](const std::stop_token&) { server_.listen_after_bind(); });
  }
  // A server that has answered is running; before, a stop would be missed.
  ~Answering() { server_.stop(); }
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  httplib::Server server_;
  int port_ = 0;
  Thread thread_;  // nothing may be declared after it: it is joined first
};

AzureStorageOptions Azure(const std::string& address) {
  return {.address = address, .use_tls = false, .account = "me", .account_key = kKey};
}

GcsStorageOptions Google(const std::string& address) {
  return {.address = address, .use_tls = false};
}

TEST(CloudStorageTest, SaysWhyAContainerOfAzureCannotBeOpened) {
  for (const auto& [status, code] : {std::pair{404, StatusCode::kNotFound},
                                     {403, StatusCode::kPermissionDenied},
                                     {401, StatusCode::kPermissionDenied}}) {
    const Answering server(status);
    const Status opened = OpenAzureStorage(Azure(server.address())).status();
    EXPECT_EQ(opened.code(), code) << opened.ToString();
    EXPECT_THAT(opened.message(),
                AllOf(HasSubstr("cannot open container a-bucket, root files, of account me at " +
                                server.address()),
                      Not(HasSubstr("\n")), Not(HasSubstr(kKey))));
  }
}

TEST(CloudStorageTest, SaysWhyABucketOfGoogleCannotBeOpened) {
  for (const auto& [status, code] : {std::pair{404, StatusCode::kNotFound},
                                     {403, StatusCode::kPermissionDenied},
                                     {401, StatusCode::kPermissionDenied}}) {
    const Answering server(status);
    const Status opened = OpenGcsStorage(Google(server.address())).status();
    EXPECT_EQ(opened.code(), code) << opened.ToString();
    EXPECT_THAT(opened.message(),
                HasSubstr("cannot open bucket a-bucket, root files, of " + server.address()));
  }
}

TEST(CloudStorageTest, AnAccountOfAzureHasANameAndAKey) {
  AzureStorageOptions options = Azure("127.0.0.1:1");
  options.account_key = "not base64!";
  Status opened = OpenAzureStorage(options).status();
  EXPECT_EQ(opened.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(opened.message(), AllOf(HasSubstr("base64"), Not(HasSubstr("not base64!"))));
  options.account = "";
  opened = OpenAzureStorage(options).status();
  EXPECT_EQ(opened.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(opened.message(), HasSubstr("the name of the account is missing"));
}

// Azure's library repeats for minutes: it is left alone.
TEST(CloudStorageTest, WhereNobodyListensIsKnownSoon) {
  const auto begin = std::chrono::steady_clock::now();
  AzureStorageOptions azure = Azure("127.0.0.1:1");
  azure.connect_timeout = std::chrono::milliseconds(300);
  const Status opened = OpenAzureStorage(azure).status();
  EXPECT_EQ(opened.code(), StatusCode::kUnavailable);
  EXPECT_THAT(opened.message(), HasSubstr("at 127.0.0.1:1: no answer within 300 ms"));
  GcsStorageOptions google = Google("127.0.0.1:1");
  google.connect_timeout = std::chrono::milliseconds(300);
  EXPECT_EQ(OpenGcsStorage(google).status().code(), StatusCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  while (CallsAreLeft()) {
    Pause(std::chrono::milliseconds(10), {});
  }
}

}  // namespace
}  // namespace cdc
