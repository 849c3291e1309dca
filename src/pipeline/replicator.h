#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "pipeline/replication.h"
#include "pipeline/target_pulses.h"
#include "sink/target.h"
#include "source/catalog_source.h"
#include "source/log.h"

namespace cdc {

// How a task's target is reached.
TargetOptions OptionsOf(const MilvusConnectParam& target, SinkMode mode);

struct ReplicatorOptions {
  // These four must outlive the replicator and its replications.
  CatalogSource* catalog = nullptr;
  Log* log = nullptr;
  MetaStore* store = nullptr;
  TargetFactory* targets = nullptr;
  std::string replicate_channel;  // empty: flushes are not replicated
  std::chrono::milliseconds checkpoint_interval{1'000};
  BackoffOptions retry;              // of calls to the target; they are repeated without end
  size_t waiting_bytes = 64U << 20;  // of one task: read and not yet acknowledged
  TargetPulses::Options pulse;       // of the targets in use
  // How long a task that begins after a crash waits before it writes: see RowWriter::Options.
  std::chrono::milliseconds doubt_grace{1'000};
  // A channel ticks several times a second. One that has not for so long is reported.
  std::chrono::milliseconds longest_silence{30'000};
  const Clock* clock = &Clock::Real();
  // For tests of the tests: after a crash everything is sent as if nothing had been sent before.
  bool forget_doubts = false;
};

// Has a thread for reading the source, one for asking it, one for checkpoints and one for the
// targets' pulses, for all tasks.
std::unique_ptr<Replicator> NewReplicator(ReplicatorOptions options);

}  // namespace cdc
