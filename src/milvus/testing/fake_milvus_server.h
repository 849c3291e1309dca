#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace google::protobuf {
class Message;
}

namespace cdc {

// A gRPC server on a loopback port of its own that answers Milvus' calls as a test defines. A
// method without an answer is UNIMPLEMENTED, as on an old server. Thread-safe.
class FakeMilvusServer {
 public:
  struct Request {
    std::string method;  // "Insert"
    std::string body;    // serialized
    std::map<std::string, std::string> metadata;
  };
  struct Reply {
    int grpc_code = 0;  // not 0: the call fails with `text`
    std::string text;
    std::string body;  // serialized

    static Reply Of(const google::protobuf::Message& message);
    static Reply Error(int grpc_code, std::string text) { return {grpc_code, std::move(text), ""}; }
  };
  using Answer = std::function<Reply(const Request&)>;

  FakeMilvusServer();
  ~FakeMilvusServer();  // ends all calls, and the connections
  FakeMilvusServer(const FakeMilvusServer&) = delete;
  FakeMilvusServer& operator=(const FakeMilvusServer&) = delete;

  std::string uri() const;

  // Sets the answer to `method` from now on.
  void On(const std::string& method, Answer answer);
  // Calls of `method` are accepted but not answered until the server is destroyed.
  void Hang(const std::string& method);

  std::vector<Request> requests() const;
  // Waits until `count` calls of `method` have arrived. Returns false after kPatience.
  bool WaitForRequests(const std::string& method, size_t count) const;

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace cdc
