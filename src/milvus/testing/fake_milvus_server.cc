#include "milvus/testing/fake_milvus_server.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

#include <google/protobuf/message.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>

#include "base/mutex.h"
#include "base/status.h"
#include "base/testing/eventually.h"

namespace cdc {
namespace {

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (buffer.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) {
      bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
  }
  return bytes;
}

std::string MethodOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

class FakeMilvusServer::Service : public grpc::CallbackGenericService {
 public:
  Service() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterCallbackGenericService(this);
    builder.SetMaxReceiveMessageSize(-1);
    server_ = builder.BuildAndStart();
    CDC_CHECK(server_ != nullptr);
  }

  ~Service() override { server_->Shutdown(std::chrono::system_clock::now()); }

  int port() const { return port_; }

  void On(const std::string& method, Answer answer) {
    MutexLock lock(mutex_);
    answers_[method] = std::move(answer);
    hanging_.erase(method);
  }

  void Hang(const std::string& method) {
    MutexLock lock(mutex_);
    hanging_.insert(method);
  }

  std::vector<Request> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }

  bool WaitForRequests(const std::string& method, size_t count) const {
    MutexLock lock(mutex_);
    return changed_.WaitFor(lock, std::stop_token(), kPatience,
                            [&] { return CountLocked(method) >= count; });
  }

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Call(this, context);
  }

  // nullopt: the call hangs.
  std::optional<Reply> Handle(Request request) {
    Answer answer;
    {
      MutexLock lock(mutex_);
      const bool hangs = hanging_.contains(request.method);
      const auto found = answers_.find(request.method);
      if (found != answers_.end()) {
        answer = found->second;
      }
      requests_.push_back(request);
      changed_.NotifyAll();
      if (hangs) {
        return std::nullopt;
      }
    }
    return answer
               ? answer(request)
               : Reply::Error(grpc::StatusCode::UNIMPLEMENTED, "unknown method " + request.method);
  }

 private:
  // One call: reads the request, answers once, deletes itself.
  class Call : public grpc::ServerGenericBidiReactor {
   public:
    Call(Service* service, grpc::GenericCallbackServerContext* context)
        : service_(service), context_(context) {
      StartRead(&request_);
    }

    void OnReadDone(bool ok) override {
      if (!ok) {
        End(grpc::Status::CANCELLED);
        return;
      }
      Request request{MethodOf(context_->method()), ToString(request_), {}};
      for (const auto& [key, value] : context_->client_metadata()) {
        request.metadata[std::string(key.data(), key.size())] =
            std::string(value.data(), value.size());
      }
      std::optional<Reply> reply = service_->Handle(std::move(request));
      if (!reply.has_value()) {
        return;  // OnCancel ends the call
      }
      if (reply->grpc_code != 0) {
        End({static_cast<grpc::StatusCode>(reply->grpc_code), reply->text});
        return;
      }
      if (!ended_.exchange(true)) {
        const grpc::Slice slice(reply->body);
        response_ = grpc::ByteBuffer(&slice, 1);
        StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
      }
    }

    void OnCancel() override { End(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }

   private:
    // The answer and a cancellation may coincide; the first one counts.
    void End(const grpc::Status& status) {
      if (!ended_.exchange(true)) {
        Finish(status);
      }
    }

    Service* service_;
    grpc::GenericCallbackServerContext* context_;
    grpc::ByteBuffer request_;
    grpc::ByteBuffer response_;
    std::atomic<bool> ended_ = false;
  };

  size_t CountLocked(const std::string& method) const CDC_REQUIRES(mutex_) {
    return static_cast<size_t>(
        std::count_if(requests_.begin(), requests_.end(),
                      [&method](const Request& request) { return request.method == method; }));
  }

  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::map<std::string, Answer> answers_ CDC_GUARDED_BY(mutex_);
  std::set<std::string> hanging_ CDC_GUARDED_BY(mutex_);
  std::vector<Request> requests_ CDC_GUARDED_BY(mutex_);
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

FakeMilvusServer::Reply FakeMilvusServer::Reply::Of(const google::protobuf::Message& message) {
  return {0, "", message.SerializeAsString()};
}

FakeMilvusServer::FakeMilvusServer() : service_(std::make_unique<Service>()) {}
FakeMilvusServer::~FakeMilvusServer() = default;

std::string FakeMilvusServer::uri() const {
  return "http://127.0.0.1:" + std::to_string(service_->port());
}

void FakeMilvusServer::On(const std::string& method, Answer answer) {
  service_->On(method, std::move(answer));
}

void FakeMilvusServer::Hang(const std::string& method) { service_->Hang(method); }

std::vector<FakeMilvusServer::Request> FakeMilvusServer::requests() const {
  return service_->requests();
}

bool FakeMilvusServer::WaitForRequests(const std::string& method, size_t count) const {
  return service_->WaitForRequests(method, count);
}

}  // namespace cdc
