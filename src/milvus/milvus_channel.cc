#include "milvus/milvus_channel.h"

#include <atomic>
#include <unordered_map>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include "base/base64.h"
#include "base/mutex.h"

namespace cdc {
namespace {

constexpr char kService[] = "/milvus.proto.milvus.MilvusService/";

std::shared_ptr<grpc::Channel> Connect(const Endpoint& endpoint,
                                       const MilvusChannel::Credentials& credentials) {
  grpc::ChannelArguments arguments;
  // Without limits of our own: the server's are what counts, see IsTooLarge.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);  // the time limit of an attempt
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 15'000);
  if (endpoint.IsLoopback()) {
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  }
  if (!endpoint.tls) {
    return grpc::CreateCustomChannel(endpoint.Address(), grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  if (!credentials.server_name.empty()) {
    arguments.SetSslTargetNameOverride(credentials.server_name);
  }
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = credentials.authority_pem;
  tls.pem_cert_chain = credentials.certificate_pem;
  tls.pem_private_key = credentials.key_pem;
  return grpc::CreateCustomChannel(endpoint.Address(), grpc::SslCredentials(tls), arguments);
}

// Whether the call has never left this machine. gRPC says so only in its error text.
bool WasNeverSent(const grpc::Status& status) {
  const std::string& text = status.error_message();
  return status.error_code() == grpc::StatusCode::UNAVAILABLE &&
         (text.find("failed to connect to all addresses") != std::string::npos ||
          text.find("DNS resolution failed") != std::string::npos);
}

// Whether the server's transport refused a message above its size limit. The code alone would look
// like a rate limit and be retried forever.
bool IsTooLarge(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
         status.error_message().find("larger than max") != std::string::npos;
}

// Whether the server answers with this code instead of executing the call.
bool IsRefusal(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return true;
    default: return false;
  }
}

CallResult FromGrpc(const grpc::Status& status,
                    const std::string& address,
                    std::chrono::milliseconds timeout) {
  if (status.ok()) {
    return {};
  }
  auto code = static_cast<StatusCode>(status.error_code());
  std::string text = status.error_message();
  if (IsTooLarge(status)) {
    code = StatusCode::kInvalidArgument;
  } else if (code == StatusCode::kInternal && text.find("RST_STREAM") != std::string::npos) {
    code = StatusCode::kUnavailable;  // a proxy or a dying server reset the stream
  } else if (code == StatusCode::kDeadlineExceeded) {
    text = "no answer within " + std::to_string(timeout.count()) + " ms";
  }
  const bool clean = WasNeverSent(status) || IsRefusal(status.error_code());
  return {Status(code, address + ": " + text), !clean};
}

grpc::ByteBuffer Serialize(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

}  // namespace

struct MilvusChannel::State {
  struct PendingCall {
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
    Done done;
    std::atomic<bool> cancelled = false;  // by us

    void Cancel() {
      cancelled = true;
      context.TryCancel();
    }
  };

  State(const Endpoint& endpoint, const Credentials& credentials)
      : authorization(EncodeBase64(credentials.token)), stub(Connect(endpoint, credentials)) {}

  void Finish(uint64_t number) {
    // Destroyed without the lock, with whatever its callback holds. Until then it counts as
    // unfinished, so that the channel waits for it.
    std::unique_ptr<PendingCall> call;
    {
      MutexLock lock(mutex);
      call = std::move(pending.extract(number).mapped());
    }
    call.reset();
    MutexLock lock(mutex);
    --unfinished;
    changed.NotifyAll();
  }

  const std::string authorization;  // empty: none
  grpc::GenericStub stub;

  Mutex mutex;
  CondVar changed;
  bool ending CDC_GUARDED_BY(mutex) = false;  // the channel is being destroyed
  uint64_t begun CDC_GUARDED_BY(mutex) = 0;
  size_t unfinished CDC_GUARDED_BY(mutex) = 0;  // those in `pending` or being destroyed
  std::unordered_map<uint64_t, std::unique_ptr<PendingCall>> pending CDC_GUARDED_BY(mutex);
};

MilvusChannel::MilvusChannel(const Endpoint& endpoint, const Credentials& credentials)
    : address_(endpoint.Address()), state_(std::make_unique<State>(endpoint, credentials)) {}

MilvusChannel::~MilvusChannel() {
  {
    MutexLock lock(state_->mutex);
    state_->ending = true;
  }
  CancelAll();
  MutexLock lock(state_->mutex);
  state_->changed.Wait(lock, std::stop_token(), [this] { return state_->unfinished == 0; });
}

void MilvusChannel::Start(const std::string& method,
                          const std::string& database,
                          const grpc::ByteBuffer& request,
                          std::chrono::milliseconds timeout,
                          Done done) {
  Begin(method, database, request, timeout, std::move(done));
}

// Returns the number of the call, for Cancel. A pointer would not do: the call may already be over.
uint64_t MilvusChannel::Begin(const std::string& method,
                              const std::string& database,
                              const grpc::ByteBuffer& request,
                              std::chrono::milliseconds timeout,
                              Done done) {
  auto owned = std::make_unique<State::PendingCall>();
  State::PendingCall* const call = owned.get();
  call->request = request;
  call->done = std::move(done);
  call->context.set_deadline(std::chrono::system_clock::now() + timeout);
  if (!state_->authorization.empty()) {
    call->context.AddMetadata("authorization", state_->authorization);
  }
  if (!database.empty()) {
    call->context.AddMetadata("dbname", database);
  }
  uint64_t number = 0;
  {
    MutexLock lock(state_->mutex);
    number = ++state_->begun;
    ++state_->unfinished;
    state_->pending.emplace(number, std::move(owned));
    // A callback of a call that the destructor has cancelled may begin the next one, for which it
    // would wait. gRPC ends a call that was cancelled before it begins.
    if (state_->ending) {
      call->Cancel();
    }
  }
  state_->stub.UnaryCall(
      &call->context, kService + method, grpc::StubOptions(), &call->request, &call->response,
      [this, call, number, timeout](const grpc::Status& status) {
        CallResult result = FromGrpc(status, address_, timeout);
        // If the server or a proxy has cancelled the call, it is retried; kCancelled is kept for
        // our own cancellations, which are not errors.
        if (status.error_code() == grpc::StatusCode::CANCELLED && !call->cancelled) {
          result.status = {StatusCode::kAborted, result.status.message()};
        }
        call->done(result, &call->response);
        state_->Finish(number);
      });
  return number;
}

Status MilvusChannel::Call(const std::string& method,
                           const std::string& database,
                           const google::protobuf::Message& request,
                           google::protobuf::Message* response,
                           std::chrono::milliseconds timeout,
                           const std::stop_token& stop) {
  return CallAndRead(method, database, request, timeout, stop,
                     [response](grpc::ByteBuffer* bytes) { return Parse(bytes, response); });
}

Result<std::string> MilvusChannel::CallForBytes(const std::string& method,
                                                const std::string& database,
                                                const google::protobuf::Message& request,
                                                std::chrono::milliseconds timeout,
                                                const std::stop_token& stop) {
  std::string answer;
  CDC_RETURN_IF_ERROR(
      CallAndRead(method, database, request, timeout, stop, [&answer](grpc::ByteBuffer* bytes) {
        std::vector<grpc::Slice> slices;
        if (!bytes->Dump(&slices).ok()) {
          return InternalError("the answer cannot be read");
        }
        answer.reserve(bytes->Length());
        for (const grpc::Slice& slice : slices) {
          answer.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
        }
        return OkStatus();
      }));
  return answer;
}

// `read` is called with the answer, on a thread of gRPC.
Status MilvusChannel::CallAndRead(const std::string& method,
                                  const std::string& database,
                                  const google::protobuf::Message& request,
                                  std::chrono::milliseconds timeout,
                                  const std::stop_token& stop,
                                  const std::function<Status(grpc::ByteBuffer*)>& read) {
  // On the stack, because the callback does not touch it after the lock is released.
  struct Waiter {
    Mutex mutex;
    CondVar changed;
    bool finished CDC_GUARDED_BY(mutex) = false;
    Status status CDC_GUARDED_BY(mutex);
  } waiter;
  const uint64_t number =
      Begin(method, database, Serialize(request), timeout,
            [&waiter, &read](const CallResult& result, grpc::ByteBuffer* bytes) {
              Status status = result.status.ok() ? read(bytes) : result.status;
              MutexLock lock(waiter.mutex);
              waiter.status = std::move(status);
              waiter.finished = true;
              waiter.changed.NotifyAll();
            });
  const std::stop_callback cancel(stop, [this, number] { Cancel(number); });
  MutexLock lock(waiter.mutex);
  waiter.changed.Wait(lock, std::stop_token(), [&waiter] { return waiter.finished; });
  return waiter.status.WithContext(method);
}

void MilvusChannel::CancelAll() {
  MutexLock lock(state_->mutex);
  for (const auto& [number, call] : state_->pending) {
    call->Cancel();
  }
}

void MilvusChannel::Cancel(uint64_t number) {
  MutexLock lock(state_->mutex);
  const auto found = state_->pending.find(number);
  if (found != state_->pending.end()) {
    found->second->Cancel();
  }
}

Status MilvusChannel::Parse(grpc::ByteBuffer* bytes, google::protobuf::Message* message) {
  grpc::ProtoBufferReader reader(bytes);
  if (!reader.status().ok() || !message->ParseFromZeroCopyStream(&reader)) {
    return InternalError("the target's answer is not a " + message->GetTypeName());
  }
  return OkStatus();
}

}  // namespace cdc
