#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ddl.h"
#include "model/target_collection.h"
#include "sink/metadata_sink.h"

namespace cdc {

// The target as the reconciler sees it: every call of this room to it goes through here. No call is
// begun once the task stops, and one in progress ends: kCancelled. Statuses otherwise as of
// MetadataSink.
//
// Belongs to the reconciler's thread.
class TargetView {
 public:
  struct Options {
    std::string task_id;
    std::string
        expected_identity;  // the target's identity when the task was created; empty: not known
    std::function<void(const std::string& version)> on_connected;
  };

  // `target` must outlive this.
  TargetView(MetadataSink* target, Options options);

  // The task stops when `stop` is requested.
  void StopWith(std::stop_token stop) { stop_ = std::move(stop); }
  const std::stop_token& stop() const { return stop_; }

  // Connects, and makes sure that this is the target that the task was created for, else
  // kFailedPrecondition.
  Status Connect();

  // Known from Connect on.
  const TargetTraits& traits() const { return traits_; }

  // A target from before databases has the default one.
  Result<std::vector<std::string>> ListDatabases();
  // nullopt: it has no such collection.
  Result<std::optional<TargetCollection>> DescribeCollection(const CollectionName& name);
  Status Apply(const Ddl& ddl);

 private:
  Status CheckNotStopped() const;

  MetadataSink* const target_;
  const Options options_;
  TargetTraits traits_;
  std::stop_token stop_;
};

}  // namespace cdc
