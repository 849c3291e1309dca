// The server with TLS: the files it uses, who may come in, and what it costs.
#include <array>
#include <chrono>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include "base/testing/eventually.h"
#include "http/http_server.h"
#include "http/openssl_types.h"
#include "http/testing/raw_client.h"
#include "http/testing/test_certificate.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// The beginning of a client hello.
constexpr std::string_view kHello{"\x16\x03\x01\x02\x00\x01", 6};
// A client's wait for an answer, so that a busy machine causes no failures.
constexpr time_t kClientSeconds = kPatience.count();

// A client that shows how its connection ends.
class TlsClient {
 public:
  explicit TlsClient(int port)
      : context_(SSL_CTX_new(TLS_client_method())), bio_(BIO_new_ssl_connect(context_.get())) {
    BIO_set_conn_hostname(bio_.get(), ("127.0.0.1:" + std::to_string(port)).c_str());
    BIO_get_ssl(bio_.get(), &ssl_);
  }

  // Sends a request and reads its answer.
  bool Ask(const std::string& path) {
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n";
    const int size = static_cast<int>(request.size());
    return BIO_do_connect(bio_.get()) == 1 && BIO_write(bio_.get(), request.data(), size) == size &&
           Next() == SSL_ERROR_NONE;
  }
  // Waits for more; SSL_ERROR_ZERO_RETURN: the server has said in TLS that there is nothing.
  int Next() {
    std::array<char, 4096> bytes{};
    return SSL_get_error(ssl_, SSL_read(ssl_, bytes.data(), static_cast<int>(bytes.size())));
  }

 private:
  std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context_;
  OpenSslBio bio_;
  SSL* ssl_ = nullptr;  // of `bio_`
};

// A folder that holds certificates, and a server that uses them.
class TlsTest : public ::testing::Test {
 protected:
  TlsTest() {
    WriteTo("authority.pem", authority_.certificate);
    Write("server", MakeTestCertificate("server", &authority_));
  }

  std::string File(const std::string& name) const { return prefix_ + name; }

  void WriteTo(const std::string& name, const std::string& text) const {
    std::ofstream(File(name)) << text;
  }
  void Write(const std::string& name, const TestCertificate& certificate) const {
    WriteTo(name + ".pem", certificate.certificate);
    WriteTo(name + ".key", certificate.key);
  }

  HttpServerOptions TlsServer() const {
    HttpServerOptions options{.address = "127.0.0.1:0"};
    options.tls = {.cert_path = File("server.pem"), .key_path = File("server.key")};
    const auto answer = [](const HttpRequest& request) {
      return HttpAnswer{.body = request.path + request.body};
    };
    options.routes = {{.path = "/open", .answer = answer, .may_block = false, .open = true},
                      {.path = "/closed", .answer = answer}};
    return options;
  }

  HttpServerOptions MutualTlsServer() const {
    HttpServerOptions options = TlsServer();
    options.tls.client_ca_path = File("authority.pem");
    return options;
  }

  void Start(HttpServerOptions options) {
    Result<std::unique_ptr<HttpServer>> server = StartHttpServer(std::move(options));
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }

  // A client that checks the server's certificate, and may have one of its own.
  std::unique_ptr<httplib::SSLClient> Client(const std::string& own = "") const {
    auto client = own.empty()
                      ? std::make_unique<httplib::SSLClient>("127.0.0.1", server_->port())
                      : std::make_unique<httplib::SSLClient>(
                            "127.0.0.1", server_->port(), File(own + ".pem"), File(own + ".key"));
    client->set_ca_cert_path(File("authority.pem").c_str());
    client->enable_server_certificate_verification(true);
    client->set_read_timeout(kClientSeconds);
    return client;
  }

  // 0: no answer.
  static int StatusOf(const httplib::Result& result) { return result ? result->status : 0; }

  const std::string prefix_ = ::testing::TempDir() + "tls_test." + std::to_string(getpid()) + ".";
  const TestCertificate authority_ = MakeTestCertificate("authority");
  std::unique_ptr<HttpServer> server_;
};

TEST_F(TlsTest, RequestsAreAnsweredInside) {
  Start(TlsServer());
  const auto client = Client();
  client->set_keep_alive(true);
  const std::string large(1'000'000, 'x');
  for (int i = 0; i < 3; ++i) {
    const httplib::Result result = client->Post("/closed", large, "text/plain");
    ASSERT_TRUE(result) << httplib::to_string(result.error());
    EXPECT_EQ(result->body, "/closed" + large);
  }
  EXPECT_EQ(server_->connections(), 1U);
  client->stop();
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 0; }));
}

TEST_F(TlsTest, ARefusalReachesAClientThatIsStillSending) {
  HttpServerOptions options = TlsServer();
  options.limits.body_bytes = 1'000;
  options.limits.linger_time = kPatience;  // the client may need long to send all of it
  Start(std::move(options));
  EXPECT_EQ(StatusOf(Client()->Post("/closed", std::string(4'000'000, 'x'), "text/plain")), 413);
}

TEST_F(TlsTest, AClientInClearIsToldSo) {
  HttpServerOptions options = TlsServer();
  options.tokens = {"secret"};
  Start(std::move(options));
  for (const char* request : {"GET /open", "DELETE /closed", "POST /unknown"}) {
    const RawAnswer answer = Exchange(server_->port(), std::string(request) +
                                                           " HTTP/1.1\r\nHost: h\r\n"
                                                           "Authorization: Bearer secret\r\n\r\n");
    EXPECT_EQ(answer.status, 400) << request;
    EXPECT_THAT(answer.body, AllOf(HasSubstr("https://"), Not(HasSubstr("secret"))));
  }
  RawClient nonsense(server_->port(), "\r\n\r\nwhatever");
  EXPECT_EQ(nonsense.Read(kPatience).status, 0);
}

TEST_F(TlsTest, WithoutACertificateOnlyOpenRoutesAnswer) {
  Start(MutualTlsServer());
  EXPECT_EQ(StatusOf(Client()->Get("/open")), 200);
  EXPECT_EQ(StatusOf(Client()->Get("/closed")), 403);
  EXPECT_EQ(StatusOf(Client()->Get("/unknown")), 403);
  Write("client", MakeTestCertificate("client", &authority_));
  EXPECT_EQ(StatusOf(Client("client")->Get("/closed")), 200);
  EXPECT_EQ(StatusOf(Client("client")->Get("/unknown")), 404);
  // One that nobody trusts ends the handshake.
  Write("stranger", MakeTestCertificate("stranger"));
  EXPECT_EQ(StatusOf(Client("stranger")->Get("/open")), 0);
}

TEST_F(TlsTest, AllThatTheFileHoldsIsTrustedByItself) {
  HttpServerOptions options = MutualTlsServer();
  const TestCertificate root = MakeTestCertificate("root");
  const TestCertificate other = MakeTestCertificate("other");
  const TestCertificate known = MakeTestCertificate("known", &other);
  Write("client", MakeTestCertificate("client", &root));
  Write("known", known);
  Write("unknown", MakeTestCertificate("unknown", &other));
  options.tls.client_ca_path = File("clients.pem");
  WriteTo("clients.pem", authority_.certificate + root.certificate + known.certificate);
  Start(std::move(options));
  EXPECT_EQ(StatusOf(Client("client")->Get("/closed")), 200) << "not only the first";
  EXPECT_EQ(StatusOf(Client("known")->Get("/closed")), 200) << "without who signed it";
  EXPECT_EQ(StatusOf(Client("unknown")->Get("/closed")), 0);
}

TEST_F(TlsTest, ACertificateDoesNotReplaceTheToken) {
  HttpServerOptions options = MutualTlsServer();
  options.tokens = {"secret"};
  Start(std::move(options));
  Write("client", MakeTestCertificate("client", &authority_));
  const auto client = Client("client");
  EXPECT_EQ(StatusOf(client->Get("/closed")), 401);
  client->set_bearer_token_auth("secret");
  EXPECT_EQ(StatusOf(client->Get("/closed")), 200);
}

TEST_F(TlsTest, OldVersionsAreRefused) {
  HttpServerOptions options = TlsServer();
  options.tls.tls_1_3_only = true;
  Start(std::move(options));
  const auto client = Client();
  SSL_CTX_set_max_proto_version(client->ssl_context(), TLS1_2_VERSION);
  EXPECT_EQ(StatusOf(client->Get("/open")), 0);
  EXPECT_EQ(StatusOf(Client()->Get("/open")), 200);
  Start(TlsServer());
  const auto other = Client();
  SSL_CTX_set_max_proto_version(other->ssl_context(), TLS1_2_VERSION);
  EXPECT_EQ(StatusOf(other->Get("/open")), 200);
  const auto oldest = Client();
  SSL_CTX_set_min_proto_version(oldest->ssl_context(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(oldest->ssl_context(), TLS1_1_VERSION);
  SSL_CTX_set_cipher_list(oldest->ssl_context(), "ALL:@SECLEVEL=0");
  EXPECT_EQ(StatusOf(oldest->Get("/open")), 0);
}

TEST_F(TlsTest, ARenewedCertificateIsUsed) {
  Start(TlsServer());
  ASSERT_EQ(StatusOf(Client()->Get("/open")), 200);
  const auto stays = Client();
  stays->set_keep_alive(true);
  ASSERT_EQ(StatusOf(stays->Get("/open")), 200);
  const TestCertificate other = MakeTestCertificate("other");
  Write("server", MakeTestCertificate("server", &other));
  EXPECT_TRUE(Eventually([this] { return StatusOf(Client()->Get("/open")) == 0; }))
      << "of an authority that this client does not know";
  EXPECT_EQ(StatusOf(stays->Get("/open")), 200) << "a connection keeps what it began with";
  Write("server", MakeTestCertificate("server", &authority_));
  EXPECT_TRUE(Eventually([this] { return StatusOf(Client()->Get("/open")) == 200; }));
}

TEST_F(TlsTest, ABadRenewalLeavesWhatThereIs) {
  Start(MutualTlsServer());
  Write("client", MakeTestCertificate("client", &authority_));
  const TestCertificate other = MakeTestCertificate("other");
  const TestCertificate stranger = MakeTestCertificate("client", &other);
  Write("stranger", stranger);
  ::testing::internal::CaptureStdout();
  WriteTo("server.key", "no key");
  std::string log;
  const bool told = Eventually([&log] {
    log += ::testing::internal::GetCapturedStdout();
    ::testing::internal::CaptureStdout();
    return log.find("http.tls.keyPath") != std::string::npos;
  });
  log += ::testing::internal::GetCapturedStdout();
  EXPECT_TRUE(told);
  EXPECT_THAT(log, HasSubstr("those before stay in use"));
  EXPECT_EQ(StatusOf(Client("client")->Get("/closed")), 200);
  // Then a good one, which also trusts other clients.
  WriteTo("authority.pem", authority_.certificate + other.certificate);
  Write("server", MakeTestCertificate("server", &authority_));
  EXPECT_TRUE(Eventually([this] { return StatusOf(Client("stranger")->Get("/closed")) == 200; }));
}

TEST_F(TlsTest, FilesThatCannotBeUsedAreNamed) {
  WriteTo("nonsense", "nonsense");
  WriteTo("half", authority_.certificate + authority_.certificate.substr(0, 100));
  WriteTo("encrypted.key", MakeTestKey("hush"));
  WriteTo("rsa.key", MakeTestKey());
  Write("other", MakeTestCertificate("other"));
  struct Case {
    std::string HttpTlsOptions::* path;
    const char* file;
    const char* key;
    const char* told;
  };
  const Case cases[] = {
      {&HttpTlsOptions::cert_path, "missing", "certPath", "No such file"},
      {&HttpTlsOptions::cert_path, "nonsense", "certPath", "as PEM"},
      {&HttpTlsOptions::cert_path, "server.key", "certPath", "as PEM"},
      {&HttpTlsOptions::key_path, "missing", "keyPath", "No such file"},
      {&HttpTlsOptions::key_path, "nonsense", "keyPath", "as PEM"},
      {&HttpTlsOptions::key_path, "other.key", "keyPath", "does not belong to the certificate"},
      {&HttpTlsOptions::key_path, "rsa.key", "keyPath", "does not belong to the certificate"},
      {&HttpTlsOptions::key_path, "encrypted.key", "keyPath", "decrypt it by `openssl pkey"},
      {&HttpTlsOptions::client_ca_path, "missing", "clientCAPath", "No such file"},
      {&HttpTlsOptions::client_ca_path, "nonsense", "clientCAPath", "as PEM"},
      {&HttpTlsOptions::client_ca_path, "half", "clientCAPath", "as PEM"}};
  for (const Case& wrong : cases) {
    HttpServerOptions options = MutualTlsServer();
    options.tls.*wrong.path = File(wrong.file);
    const Status status = CheckTlsFiles(options.tls);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << wrong.file;
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr(std::string("http.tls.") + wrong.key + ": "),
                      HasSubstr(File(wrong.file)), HasSubstr(wrong.told), Not(HasSubstr("hush"))));
    EXPECT_EQ(StartHttpServer(std::move(options)).status().message(), status.message());
  }
  EXPECT_TRUE(CheckTlsFiles(MutualTlsServer().tls).ok());
  EXPECT_TRUE(CheckTlsFiles({}).ok());
}

TEST_F(TlsTest, UnfinishedHandshakesHoldNobodyUp) {
  Start(TlsServer());
  std::vector<RawClient> stuck;
  for (int i = 0; i < 600; ++i) {
    stuck.emplace_back(server_->port(), i % 2 == 0 ? kHello : std::string_view());
  }
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(StatusOf(Client()->Get("/open")), 200);
    EXPECT_EQ(StatusOf(Client()->Get("/closed")), 200);
  }
  EXPECT_LE(server_->connections(), HttpLimits().connections + 1);
}

TEST_F(TlsTest, AHandshakeHasADeadline) {
  HttpServerOptions options = TlsServer();
  options.limits.header_time = std::chrono::milliseconds(100);
  Start(std::move(options));
  RawClient silent(server_->port());
  RawClient stuck(server_->port(), kHello);
  EXPECT_TRUE(silent.WaitForEnd(kPatience));
  EXPECT_TRUE(stuck.WaitForEnd(kPatience));
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 0; }));
}

// By it the client knows that nothing was cut off.
TEST_F(TlsTest, AnIdleConnectionIsEndedInTls) {
  HttpServerOptions options = TlsServer();
  options.limits.idle_time = std::chrono::milliseconds(20);
  Start(std::move(options));
  TlsClient after_a_while(server_->port());
  ASSERT_TRUE(after_a_while.Ask("/open"));
  EXPECT_EQ(after_a_while.Next(), SSL_ERROR_ZERO_RETURN);
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 0; }));

  Start(TlsServer());
  TlsClient at_a_stop(server_->port());
  ASSERT_TRUE(at_a_stop.Ask("/open"));
  server_->Stop();
  EXPECT_EQ(at_a_stop.Next(), SSL_ERROR_ZERO_RETURN);
}

TEST_F(TlsTest, AStopEndsAllKindsOfConnections) {
  Start(TlsServer());
  RawClient silent(server_->port());
  RawClient stuck(server_->port(), kHello);
  const auto idle = Client();
  idle->set_keep_alive(true);
  EXPECT_EQ(StatusOf(idle->Get("/closed")), 200);
  ASSERT_TRUE(Eventually([this] { return server_->connections() == 3; }));
  server_->Stop();
  EXPECT_EQ(server_->connections(), 0U);
  EXPECT_TRUE(silent.WaitForEnd(kPatience));
  EXPECT_TRUE(stuck.WaitForEnd(kPatience));
}

}  // namespace
}  // namespace cdc
