#pragma once

// Includes gRPC: only for this room's sources.

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include <grpcpp/grpcpp.h>

#include "base/mutex.h"
#include "base/status.h"
#include "etcd/etcd_endpoint.h"
#include "etcd_api.grpc.pb.h"

namespace cdc {

// etcd tells its errors apart by words only.
inline bool Contains(const std::string& message, const char* words) {
  return message.find(words) != std::string::npos;
}

using EtcdDeadline = std::chrono::system_clock::time_point;  // the clock gRPC uses

// A channel to one etcd endpoint and the services on it.
struct EtcdStubs {
  explicit EtcdStubs(std::shared_ptr<grpc::Channel> connected);

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<etcdserverpb::KV::Stub> kv;
  std::unique_ptr<etcdserverpb::Watch::Stub> watch;
  std::unique_ptr<etcdserverpb::Lease::Stub> lease;
  std::unique_ptr<etcdserverpb::Maintenance::Stub> maintenance;
  std::unique_ptr<etcdserverpb::Auth::Stub> auth;
};

// One endpoint. Thread-safe.
class EtcdConnection {
 public:
  EtcdConnection(EtcdEndpoint endpoint,
                 std::shared_ptr<grpc::ChannelCredentials> credentials,
                 bool tls_13_only = false)
      : endpoint_(std::move(endpoint)),
        credentials_(std::move(credentials)),
        tls_13_only_(tls_13_only) {}

  // Returns stubs whose channel is connected or has just failed to connect; in that case the next
  // call on it reports why. A channel that failed earlier is replaced, so every Dial tries again at
  // once instead of waiting for gRPC's own backoff.
  //
  // kUnavailable: neither happened before `deadline`, or the server does not speak TLS 1.3 and
  // must. kCancelled: stopped.
  Result<std::shared_ptr<EtcdStubs>> Dial(EtcdDeadline deadline, const std::stop_token& stop);

  std::string name() const { return endpoint_.ToString(); }

 private:
  std::shared_ptr<EtcdStubs> LiveStubs();

  const EtcdEndpoint endpoint_;
  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const bool tls_13_only_;
  Mutex mutex_;
  std::shared_ptr<EtcdStubs> stubs_ CDC_GUARDED_BY(mutex_);
};

// Converts gRPC's status to ours. A call cancelled without a stop request was ended by the server:
// kUnavailable.
Status FromGrpc(const grpc::Status& status, const std::stop_token& stop);

// Plain or TLS credentials from PEM files. kInvalidArgument: a file cannot be read.
Result<std::shared_ptr<grpc::ChannelCredentials>> MakeEtcdCredentials(bool tls,
                                                                      const std::string& ca_file,
                                                                      const std::string& cert_file,
                                                                      const std::string& key_file);

}  // namespace cdc
