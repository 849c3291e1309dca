#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "sink/target.h"
#include "sink/target_model.h"

namespace cdc {

// A target in memory (TargetModel), to test code that drives one. It records writes without looking
// into the rows. Every metadata call ends at once, so a stop never interrupts one.
//
// Thread-safe. A write ends inside Write or, if corked, inside Uncork or CancelWrites. Must outlive
// its writes.
class FakeTarget final : public Target, public RowSink, public MetadataSink, public TargetCatalog {
 public:
  struct WrittenBatch {
    RowBatch batch;
    Status status;  // the answer
  };

  FakeTarget();

  // From now on writes wait, in order, until Uncork ends all or the first `count` of them.
  void Cork();
  void Uncork();
  void Uncork(size_t count);
  size_t corked() const;

  // Makes the next call of Write (FailNextWrite) or Apply (FailNextDdl) fail; can be repeated for
  // the calls after it. A failed write is recorded as written only if it is in doubt.
  void FailNextWrite(Status status, bool in_doubt);
  void FailNextDdl(Status status);
  void FailConnect(Status status);

  // Called for each DescribeCollection, whose answer is the error that it returns.
  void OnDescribe(std::function<Status(const CollectionName&)> hook);

  // Sets the answer to AskPulse, which is initially "fake". While corked, none is given.
  void SetPulse(Result<std::string> identity);
  void CorkPulse();
  void UncorkPulse();
  size_t pulses() const;  // the number of AskPulse calls

  // Acknowledged and in-doubt writes, in the order in which they ended.
  std::vector<WrittenBatch> batches() const;
  // Successful changes, in order.
  std::vector<Ddl> ddl() const;
  // The number of rows of `op` in acknowledged writes.
  uint64_t rows_of(RowOp op) const;
  // The number of writes to a missing collection or partition.
  size_t missed() const;
  // The largest number of writes that were in progress at the same time.
  size_t max_in_progress() const;

  // Names the default partition of collections created from now on; initially "_default".
  void NameDefaultPartition(std::string name);

  // Sets the traits that Connect returns.
  void SetTraits(TargetTraits traits);

  // Whether writes to an unknown collection or partition fail with kNotFound (initially true).
  void CheckNames(bool check);

  RowSink& rows() override { return *this; }
  MetadataSink& metadata() override { return *this; }
  KeyReader* keys() override { return nullptr; }     // it keeps no rows
  AccessSink* access() override { return nullptr; }  // nor users
  std::vector<TargetTick> SentTicks() const override { return {}; }
  std::vector<TargetRows> LastRows() const override { return {}; }
  void AskPulse(std::chrono::milliseconds timeout, PulseDone done) override;

  Result<Connected> Connect(std::chrono::milliseconds timeout,
                            const std::stop_token& stop) override;
  TargetCatalog* catalog() override { return this; }
  Status Apply(const Ddl& ddl, const std::stop_token& stop = {}) override;
  Result<std::vector<std::string>> ListDatabases(const std::stop_token& stop = {}) override;
  Result<std::optional<TargetCollection>> DescribeCollection(
      const CollectionName& name, const std::stop_token& stop = {}) override;
  void Write(const RowBatch& batch, WriteDone done) override;
  void CancelWrites() override;

 private:
  struct PendingWrite {
    RowBatch batch;
    WriteDone done;
  };
  struct Failure {
    Status status;
    bool in_doubt = false;
  };

  WriteResult Execute(const RowBatch& batch);
  void End(PendingWrite write);
  void EndPulses(const std::optional<Status>& failure);

  mutable Mutex mutex_;
  TargetModel model_ CDC_GUARDED_BY(mutex_);
  bool corked_ CDC_GUARDED_BY(mutex_) = false;
  bool check_names_ CDC_GUARDED_BY(mutex_) = true;
  TargetTraits traits_ CDC_GUARDED_BY(mutex_);
  std::deque<PendingWrite> pending_ CDC_GUARDED_BY(mutex_);
  std::deque<Failure> write_failures_ CDC_GUARDED_BY(mutex_);
  std::deque<Status> ddl_failures_ CDC_GUARDED_BY(mutex_);
  Status connect_status_ CDC_GUARDED_BY(mutex_);
  std::function<Status(const CollectionName&)> on_describe_ CDC_GUARDED_BY(mutex_);
  Result<std::string> pulse_ CDC_GUARDED_BY(mutex_) = std::string("fake");
  bool pulse_corked_ CDC_GUARDED_BY(mutex_) = false;
  std::vector<PulseDone> pulse_waits_ CDC_GUARDED_BY(mutex_);
  size_t pulses_ CDC_GUARDED_BY(mutex_) = 0;
  std::vector<WrittenBatch> batches_ CDC_GUARDED_BY(mutex_);
  std::vector<Ddl> ddl_ CDC_GUARDED_BY(mutex_);
  size_t missed_ CDC_GUARDED_BY(mutex_) = 0;
  size_t max_in_progress_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
