#pragma once

// Includes gRPC: only for this room's sources.

#include <memory>
#include <stop_token>
#include <string>

#include <grpcpp/grpcpp.h>

#include "etcd/etcd_client.h"
#include "etcd/etcd_connection.h"
#include "etcd_api.grpc.pb.h"

namespace cdc {

// EtcdWatch on one stream. The caller's thread drives the stream's completion queue with at most
// one operation at a time: whatever else etcd sends waits in HTTP/2 flow control, so memory is
// bounded by one response.
class EtcdWatchStream final : public EtcdWatch {
 public:
  EtcdWatchStream(std::shared_ptr<EtcdStubs> stubs, std::string endpoint)
      : stubs_(std::move(stubs)), endpoint_(std::move(endpoint)) {}
  ~EtcdWatchStream() override;

  // Call it once, before anything else. Returns when etcd has confirmed the watch.
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
  // The stream lives in memory owned by the context's call, hence this order.
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
  WatchBatch batch_;  // accumulates the fragments of one response
  int64_t revision_ = 0;
  int64_t store_revision_ = 0;
};

}  // namespace cdc
