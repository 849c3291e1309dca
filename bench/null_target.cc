// A Milvus that answers every call at once and keeps no rows: what a replication costs without a
// target. Prints its port; answers each line `stats` on its standard input by a line of JSON, and
// ends with its standard input. With an argument, every write is answered after so many
// milliseconds: a slow target.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include <grpcpp/alarm.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>

#include "null_milvus.h"

namespace cdc {
namespace {

// One call: reads the request, answers, deletes itself.
class Call : public grpc::ServerGenericBidiReactor {
 public:
  Call(NullMilvus* milvus,
       grpc::GenericCallbackServerContext* context,
       std::chrono::milliseconds delay)
      : milvus_(milvus), context_(context), delay_(delay) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::CANCELLED);
      return;
    }
    const std::string& path = context_->method();
    const std::string method = path.substr(path.rfind('/') + 1);
    const grpc::Slice slice(milvus_->Answer(method, request_));
    request_.Clear();
    response_ = grpc::ByteBuffer(&slice, 1);
    if (delay_.count() > 0 && NullMilvus::IsWrite(method)) {
      alarm_.Set(std::chrono::system_clock::now() + delay_, [this](bool) { Answer(); });
    } else {
      Answer();
    }
  }

  void OnDone() override { delete this; }

 private:
  void Answer() { StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK); }

  NullMilvus* const milvus_;
  grpc::GenericCallbackServerContext* const context_;
  const std::chrono::milliseconds delay_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::Alarm alarm_;
};

class Service : public grpc::CallbackGenericService {
 public:
  Service(NullMilvus* milvus, std::chrono::milliseconds delay) : milvus_(milvus), delay_(delay) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Call(milvus_, context, delay_);
  }

 private:
  NullMilvus* const milvus_;
  const std::chrono::milliseconds delay_;
};

int Main(std::chrono::milliseconds delay) {
  NullMilvus milvus;
  Service service(&milvus, delay);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterCallbackGenericService(&service);
  builder.SetMaxReceiveMessageSize(-1);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    std::fputs("null_target: cannot listen\n", stderr);
    return 1;
  }
  std::cout << port << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "stats") {
      std::cout << milvus.counter().Json() << std::endl;
    } else if (line == "reset") {
      milvus.counter().Reset();
    }
  }
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

}  // namespace
}  // namespace cdc

int main(int argc, char** argv) {
  return cdc::Main(std::chrono::milliseconds(argc > 1 ? std::atoi(argv[1]) : 0));
}
