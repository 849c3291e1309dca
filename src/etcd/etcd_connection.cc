#include "etcd/etcd_connection.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "etcd/tls_version.h"

namespace cdc {
namespace {

// How often a wait for a connection checks its stop token: gRPC cannot wait for both.
constexpr std::chrono::milliseconds kStopPoll{50};

std::shared_ptr<grpc::Channel> MakeChannel(
    const EtcdEndpoint& endpoint, const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  // To detect half-open connections. etcd disconnects clients that ping more often than every 5 s.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A response may be as large as a page or a transaction.
  arguments.SetMaxReceiveMessageSize(-1);
  // Otherwise a new channel to the same address would inherit the failure of the old one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // etcd is in the source's own network: do not go through a proxy set in the environment.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(endpoint.address, credentials, arguments);
}

Status ReadPem(const std::string& path, std::string* out) {
  if (path.empty()) {
    return OkStatus();
  }
  CDC_ASSIGN_OR_RETURN(*out, ReadFile(path));
  return out->empty() ? InvalidArgumentError("the PEM file " + path + " is empty") : OkStatus();
}

}  // namespace

EtcdStubs::EtcdStubs(std::shared_ptr<grpc::Channel> connected)
    : channel(std::move(connected)),
      kv(etcdserverpb::KV::NewStub(channel)),
      watch(etcdserverpb::Watch::NewStub(channel)),
      lease(etcdserverpb::Lease::NewStub(channel)),
      maintenance(etcdserverpb::Maintenance::NewStub(channel)),
      auth(etcdserverpb::Auth::NewStub(channel)) {}

std::shared_ptr<EtcdStubs> EtcdConnection::LiveStubs() {
  MutexLock lock(mutex_);
  if (stubs_ != nullptr) {
    const auto state = stubs_->channel->GetState(false);
    if (state != GRPC_CHANNEL_TRANSIENT_FAILURE && state != GRPC_CHANNEL_SHUTDOWN) {
      return stubs_;
    }
  }
  stubs_ = std::make_shared<EtcdStubs>(MakeChannel(endpoint_, credentials_));
  return stubs_;
}

Result<std::shared_ptr<EtcdStubs>> EtcdConnection::Dial(EtcdDeadline deadline,
                                                        const std::stop_token& stop) {
  std::shared_ptr<EtcdStubs> stubs = LiveStubs();
  if (tls_13_only_ && stubs->channel->GetState(false) != GRPC_CHANNEL_READY) {
    CDC_RETURN_IF_ERROR(CheckSpeaksTls13(endpoint_.address, deadline, stop));
  }
  while (true) {
    // true: an idle channel starts to connect.
    const auto state = stubs->channel->GetState(true);
    if (state != GRPC_CHANNEL_IDLE && state != GRPC_CHANNEL_CONNECTING) {
      return stubs;
    }
    if (stop.stop_requested()) {
      return CancelledError("stopped while connecting");
    }
    const auto now = std::chrono::system_clock::now();
    if (now >= deadline) {
      return UnavailableError("no connection in time");
    }
    stubs->channel->WaitForStateChange(state, std::min(deadline, now + kStopPoll));
  }
}

Status FromGrpc(const grpc::Status& status, const std::stop_token& stop) {
  if (status.ok()) {
    return OkStatus();
  }
  const std::string& message = status.error_message();
  StatusCode code = static_cast<StatusCode>(status.error_code());
  if (stop.stop_requested() && code == StatusCode::kCancelled) {
    return CancelledError("stopped");
  }
  // etcd reports a wrong password or an unknown user as an invalid argument.
  if (Contains(message, "authentication failed") || Contains(message, "user name is empty")) {
    code = StatusCode::kUnauthenticated;
  } else if (code == StatusCode::kCancelled || code == StatusCode::kUnknown) {
    // The server is shutting down or exceeded a deadline of its own.
    code = StatusCode::kUnavailable;
  }
  return {code, message};
}

Result<std::shared_ptr<grpc::ChannelCredentials>> MakeEtcdCredentials(bool tls,
                                                                      const std::string& ca_file,
                                                                      const std::string& cert_file,
                                                                      const std::string& key_file) {
  if (!tls) {
    return grpc::InsecureChannelCredentials();
  }
  if (cert_file.empty() != key_file.empty()) {
    return InvalidArgumentError("a client certificate needs both its file and its key's file");
  }
  grpc::SslCredentialsOptions options;
  CDC_RETURN_IF_ERROR(ReadPem(ca_file, &options.pem_root_certs));
  CDC_RETURN_IF_ERROR(ReadPem(cert_file, &options.pem_cert_chain));
  CDC_RETURN_IF_ERROR(ReadPem(key_file, &options.pem_private_key));
  return grpc::SslCredentials(options);
}

}  // namespace cdc
