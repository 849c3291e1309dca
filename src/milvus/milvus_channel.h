#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "milvus/endpoint.h"

namespace google::protobuf {
class Message;
}
namespace grpc {
class ByteBuffer;
}

namespace cdc {

// The outcome of a call at the level of gRPC. The answer may still hold an error of Milvus.
struct CallResult {
  Status status;
  bool in_doubt = false;  // failed, but the server may have received the request
};

// One connection to a Milvus: address, credentials, deadlines. It connects when the first call
// needs it, and again after the connection is lost; a call made meanwhile fails at once with
// kUnavailable.
//
// Thread-safe. The destructor cancels the calls in progress, and those that their callbacks begin,
// and waits for the callbacks, so it must not run inside one.
class MilvusChannel {
 public:
  // How the channel authenticates itself and the server. The PEM fields hold content, not paths.
  struct Credentials {
    std::string token;          // user:password or an API key; empty: none
    std::string server_name;    // in the server's certificate; empty: the endpoint's host
    std::string authority_pem;  // empty: the system's authorities
    std::string certificate_pem;
    std::string key_pem;
  };

  MilvusChannel(const Endpoint& endpoint, const Credentials& credentials);
  ~MilvusChannel();
  MilvusChannel(const MilvusChannel&) = delete;
  MilvusChannel& operator=(const MilvusChannel&) = delete;

  // Calls `method` ("Insert") in `database` (may be empty) and waits for the answer. Errors name
  // the address. kCancelled: by `stop` or CancelAll.
  Status Call(const std::string& method,
              const std::string& database,
              const google::protobuf::Message& request,
              google::protobuf::Message* response,
              std::chrono::milliseconds timeout,
              const std::stop_token& stop = {});

  // Like Call, but leaves the answer serialized.
  Result<std::string> CallForBytes(const std::string& method,
                                   const std::string& database,
                                   const google::protobuf::Message& request,
                                   std::chrono::milliseconds timeout,
                                   const std::stop_token& stop = {});

  // Like Call, but returns at once. `done` is called exactly once with the answer's bytes, on a
  // thread of gRPC or on this one.
  using Done = std::function<void(const CallResult&, grpc::ByteBuffer* response)>;
  void Start(const std::string& method,
             const std::string& database,
             const grpc::ByteBuffer& request,
             std::chrono::milliseconds timeout,
             Done done);

  // Makes every call in progress end with kCancelled.
  void CancelAll();

  // "host:port".
  const std::string& address() const { return address_; }

  // Parses an answer. kInternal: the bytes are not a valid message of this type.
  static Status Parse(grpc::ByteBuffer* bytes, google::protobuf::Message* message);

 private:
  struct State;

  Status CallAndRead(const std::string& method,
                     const std::string& database,
                     const google::protobuf::Message& request,
                     std::chrono::milliseconds timeout,
                     const std::stop_token& stop,
                     const std::function<Status(grpc::ByteBuffer*)>& read);
  uint64_t Begin(const std::string& method,
                 const std::string& database,
                 const grpc::ByteBuffer& request,
                 std::chrono::milliseconds timeout,
                 Done done);
  void Cancel(uint64_t number);

  const std::string address_;
  const std::unique_ptr<State> state_;
};

}  // namespace cdc
