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

// The target as the reconciler sees it: all calls of this room go through here. Once the task
// stops, no call is started and one in progress is cancelled: kCancelled. All other statuses come
// from MetadataSink.
//
// Belongs to the reconciler's thread.
class TargetView {
 public:
  struct Options {
    std::string log_name;           // the task's
    std::string expected_identity;  // when the task was created; empty: unknown
    std::function<void(const std::string& version)> on_connected;
  };

  // `target` must outlive this.
  TargetView(MetadataSink* target, Options options);

  // Calls end when `stop` is requested.
  void StopWith(std::stop_token stop) { stop_ = std::move(stop); }
  const std::stop_token& stop() const { return stop_; }

  // Connects and checks the target's identity. kFailedPrecondition: it is not the target the task
  // was created for.
  Status Connect();

  // Valid after Connect.
  const TargetTraits& traits() const { return traits_; }

  // A target too old to know databases has only the default one.
  Result<std::vector<std::string>> ListDatabases();
  // nullopt: the collection does not exist.
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
