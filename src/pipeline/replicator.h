#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/copy_selection.h"
#include "pipeline/replication.h"
#include "pipeline/target_pulses.h"
#include "sink/target.h"
#include "source/catalog_source.h"
#include "source/log.h"
#include "source/snapshot_source.h"

namespace cdc {

// Returns how a task's target is reached.
TargetOptions OptionsOf(const MilvusConnectParam& target, SinkMode mode);

struct ReplicatorOptions {
  // These four must outlive the replicator and its replications.
  CatalogSource* catalog = nullptr;
  Log* log = nullptr;
  MetaStore* store = nullptr;
  TargetFactory* targets = nullptr;
  // These outlive them, too. nullptr: not configured, see SnapshotSettingOf.
  SnapshotSource* snapshots = nullptr;  // from the storage
  SnapshotSource* queries = nullptr;    // from the source's Milvus
  std::string replicate_channel;        // empty: flushes are not replicated
  std::string queue_kind;               // of `log`, for people: RocksMQ, Kafka, …
  std::chrono::milliseconds checkpoint_interval{1'000};
  BackoffOptions retry;                 // of calls to the target, which are repeated forever
  size_t waiting_bytes = 64U << 20;     // of one task: read but not acknowledged yet
  std::chrono::seconds queue_holds{0};  // how long it keeps a record; 0: not known
  size_t copy_keys_bytes = 256U << 20;  // of one task: see CopyGuard
  size_t copy_parallel = 2;             // threads of one task that read stored rows
  int64_t copy_bytes_per_second = 0;    // of all copies of stored rows together; 0: without limit
  TargetPulses::Options pulse;
  // How long a task that starts after a crash waits before it writes: see RowWriter::Options.
  std::chrono::milliseconds doubt_grace{1'000};
  // A channel ticks several times per second. One that has not for this long is reported.
  std::chrono::milliseconds longest_silence{30'000};
  const Clock* clock = &Clock::Real();
  // No task changes anything on its target, as if each had TaskSpec::dry_run.
  bool dry_run = false;
  // To test the tests: after a crash everything is sent as if nothing had been sent before.
  bool forget_doubts = false;
};

// Where the stored rows for a task come from; nullptr: the server does not know it.
SnapshotSource* SnapshotSourceOf(const ReplicatorOptions& options, SnapshotFrom from);
// From where a task whose rows come from `from` copies these: with a filter, always by queries.
SnapshotFrom SnapshotFromFor(SnapshotFrom from, const CopySelection& selection);
// The part of the configuration that says so.
const char* SnapshotSettingOf(SnapshotFrom from);

// Runs four threads for all tasks: one reads the source, one queries its catalog, one saves
// checkpoints, and one checks the targets.
std::unique_ptr<Replicator> NewReplicator(ReplicatorOptions options);

}  // namespace cdc
