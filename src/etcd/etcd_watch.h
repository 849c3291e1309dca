#pragma once

// Includes gRPC: only for the sources of this room.

#include <memory>
#include <stop_token>
#include <string>

#include <grpcpp/grpcpp.h>

#include "etcd/etcd_client.h"
#include "etcd/etcd_connection.h"
#include "etcd_api.grpc.pb.h"

namespace cdc {

// EtcdWatch on one stream. The caller's thread drives the stream's completion queue, and there is
// never more than one operation in it: what etcd has sent beyond it waits in the flow control of
// HTTP/2, so the memory is bounded by one answer.
class EtcdWatchStream final : public EtcdWatch {
 public:
  EtcdWatchStream(std::shared_ptr<EtcdStubs> stubs, std::string endpoint)
      : stubs_(std::move(stubs)), endpoint_(std::move(endpoint)) {}
  ~EtcdWatchStream() override;

  // Called once, before anything else; returns when etcd has confirmed the watch.
  Status Open(const KeyRange& range,
              int64_t start_revision,
              const std::string& token,
              EtcdDeadline deadline,
              const std::stop_token& stop);

  Result<WatchBatch> Next(std::chrono::milliseconds timeout, const std::stop_token& stop) override;
  int64_t StoreRevision() const override { return store_revision_; }

 private:
  enum class Outcome { kDone, kEnded, kTimeout };

  Outcome Await(EtcdDeadline deadline, const std::stop_token& stop);
  Status OpenStep(Outcome outcome, const std::stop_token& stop);
  Status Break(Status status);
  Status Finish(const std::stop_token& stop);
  Status CheckCanceled() const;
  void TakeEvents();

  const std::shared_ptr<EtcdStubs> stubs_;
  const std::string endpoint_;
  // The stream lives in memory of the context's call, hence this order.
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientAsyncReaderWriter<etcdserverpb::WatchRequest, etcdserverpb::WatchResponse>>
      stream_;
  grpc::Status final_status_;
  etcdserverpb::WatchResponse response_;
  bool opened_ = false;
  bool reading_ = false;
  Status broken_;
  WatchBatch batch_;  // grows over the fragments of one answer
  int64_t revision_ = 0;
  int64_t store_revision_ = 0;
};

}  // namespace cdc
