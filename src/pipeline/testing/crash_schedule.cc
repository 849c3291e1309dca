#include "pipeline/testing/crash_schedule.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <utility>
#include <vector>

#include "metastore/testing/in_memory_meta_store.h"
#include "pipeline/testing/simulated_source.h"
#include "pipeline/testing/simulated_target.h"
#include "progress/send_horizon.h"
#include "progress/task_checkpoints.h"
#include "rows/row_router.h"
#include "rows/row_writer.h"
#include "scope/scope.h"
#include "source/testing/fake_source.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using Kind = SimulatedSource::Kind;

constexpr size_t kSteps = 200;
constexpr milliseconds kSaveInterval{1'000};
constexpr milliseconds kZombieLife{300};
constexpr const char* kTask = "t";

TaskSpec EverySpec() {
  TaskSpec spec;
  spec.id = kTask;
  spec.db_collections = {{"*", {{.name = "*"}}}};
  spec.start_from = StartFrom::kEarliest;
  return spec;
}

class CrashSchedule final : public Clock {
 public:
  CrashSchedule(uint64_t seed, const CrashScheduleOptions& options)
      : options_(options),
        chance_(seed),
        lead_(50 << (2 * chance_.Below(3))),
        source_(&chance_),
        feed_(&source_),
        target_(&chance_, [this](const RowBatch& batch) { CheckSent(batch); }) {
    target_.OnApplied([this](const Message& message) { source_.Find(message)->applied = true; });
  }

  TimePoint Now() const override { return now_; }
  int64_t UnixMs() const override { return source_.now_ms(); }

  CrashScheduleResult Run() {
    Start();
    for (size_t i = 0; i < kSteps && result_.fault.empty(); ++i) {
      Step();
    }
    Finish();
    return std::move(result_);
  }

 private:
  // One life of the process.
  struct Life {
    Life(CrashSchedule* world, const MetaStore::Progress& progress, bool doubt)
        : horizon({.lead = milliseconds(world->lead_), .clock = world}, [this] { wanted = true; }),
          writer(
              &world->target_,
              &horizon,
              {.limits = {.batch_rows = 2 + world->chance_.Below(8)},
               .backoff = {.initial = milliseconds(20), .max = milliseconds(200)},
               .doubt_grace = doubt ? world->options_.grace : milliseconds(0),
               .clock = world,
               .seed = static_cast<uint32_t>(world->chance_.Next())},
              &conditions,
              [world](CollectionId, const Status& status) {
                world->Fault("fatal: " + status.ToString());
              },
              [] {}),
          router(
              {.catalog = &world->catalog_,
               .log = &world->log_,
               .feed = &world->feed_,
               .scope = &world->scope_,
               .consumer = &writer,
               .conditions = &conditions,
               .replicate_channel = "",
               .on_fatal =
                   [world](const Status& status) { world->Fault("fatal: " + status.ToString()); },
               .on_collection_failed =
                   [world](CollectionId, const Status& status) {
                     world->Fault("fatal: " + status.ToString());
                   },
               .on_expired =
                   [world](const std::string&, const Status& status) {
                     world->Fault("expired: " + status.ToString());
                   },
               .on_renamed_in =
                   [world](CollectionId, const Status& status) {
                     world->Fault("renamed in: " + status.ToString());
                   },
               .on_catalog = [] {},
               .on_flush = [](const FlushRequestInfo&, const std::function<void()>&) {}},
              {.forget_doubts = world->options_.forget_doubts},
              progress),
          checkpoints({.task_id = kTask,
                       .source = &router,
                       .horizon = &horizon,
                       .conditions = &conditions,
                       .on_horizon = [this] { writer.Wake(); },
                       .clock = world}) {}

    bool wanted = false;
    ConditionBoard conditions;
    SendHorizon horizon;
    RowWriter writer;
    RowRouter router;
    TaskCheckpoints checkpoints;
    std::map<std::string, Timestamp> doubts;
    std::set<const Message*> sent;
    std::set<CollectionId> open;
    // What the saver carries from one of its steps to the next.
    std::vector<ChannelCheckpoint> collected;
    std::optional<Status> saved;
    std::chrono::steady_clock::time_point next_save;
  };

  void Fault(const std::string& what) {
    if (result_.fault.empty()) {
      result_.fault = what;
    }
  }

  void Start();
  void Step();
  void StepSaver();
  void StepCollections(bool all);
  void Pass(milliseconds time);
  void Crash();
  void Stop();
  void Finish();
  Status Save(const std::vector<ChannelCheckpoint>& checkpoints);
  void CheckSent(const RowBatch& batch);
  void CheckSaved(const ChannelCheckpoint& checkpoint);
  void Compare();

  const CrashScheduleOptions options_;
  SimulatedChance chance_;
  const int64_t lead_;
  const Scope scope_{EverySpec()};
  SimulatedSource source_;
  SimulatedFeed feed_;
  FakeCatalog catalog_;
  FakeLog log_;  // compares ids
  InMemoryMetaStore store_;
  SimulatedTarget target_;
  const std::stop_token never_;
  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
  std::chrono::steady_clock::time_point zombies_end_;
  bool store_fails_ = false;
  std::map<std::string, Timestamp> durable_;  // horizons in the store
  std::unique_ptr<Life> life_;
  CrashScheduleResult result_;
};

// ---- The process -----------------------------------------------------------------------------

void CrashSchedule::Start() {
  const auto progress = store_.LoadProgress(kTask);
  bool doubt = false;
  for (const ChannelCheckpoint& channel : progress->channels) {
    doubt = doubt || channel.horizon > channel.ts;
  }
  life_ = std::make_unique<Life>(this, *progress, doubt);
  for (const ChannelCheckpoint& channel : progress->channels) {
    life_->horizon.Load(channel.channel, channel.horizon);
    if (channel.horizon > channel.ts) {
      life_->doubts[channel.channel] = channel.horizon;
    }
  }
  const Status begun = life_->router.Begin(never_);
  if (!begun.ok()) {
    Fault(begun.ToString());
  }
  feed_.StepCatalog();
}

void CrashSchedule::Crash() {
  ++result_.crashes;
  target_.Crash();
  feed_.Detach(nullptr);
  life_.reset();
  zombies_end_ = now_ + kZombieLife;
  Start();
}

// Stops as TaskPipeline does.
void CrashSchedule::Stop() {
  ++result_.stops;
  life_->router.End();
  for (size_t calls = chance_.Below(4); calls > 0; --calls) {
    target_.Step();
  }
  life_->writer.Drain(milliseconds(0));
  while (!life_->collected.empty()) {
    StepSaver();
  }
  Save(life_->checkpoints.FinalCheckpoints(life_->writer.doubt_left())).ok();
  life_.reset();
  zombies_end_ = now_ + kZombieLife;
  for (size_t changes = chance_.Below(4); changes > 0; --changes) {
    source_.Step();
  }
  Start();
}

void CrashSchedule::Pass(milliseconds time) {
  now_ += time;
  source_.Pass(time.count());
  if (target_.has_zombies() && now_ >= zombies_end_) {
    ++result_.zombies;
    target_.RunZombies();
  }
}

// Does one step of the saver; anything else may happen between two steps.
void CrashSchedule::StepSaver() {
  Life& life = *life_;
  if (life.saved.has_value()) {
    life.checkpoints.OnSaved(*std::exchange(life.saved, std::nullopt));
    life.collected.clear();
  } else if (!life.collected.empty()) {
    life.saved = Save(life.collected);
  } else if (std::exchange(life.wanted, false) || now_ >= life.next_save) {
    life.next_save = now_ + kSaveInterval;
    life.collected = life.checkpoints.CollectCheckpoints();
  }
}

Status CrashSchedule::Save(const std::vector<ChannelCheckpoint>& checkpoints) {
  ++result_.saves;
  const Status status = store_fails_ ? UnavailableError("disk full") : OkStatus();
  if (store_fails_ && !chance_.OneIn(4)) {
    return status;  // otherwise it is durable, although the save reports an error
  }
  for (const ChannelCheckpoint& checkpoint : checkpoints) {
    CheckSaved(checkpoint);
    durable_[checkpoint.channel] = checkpoint.horizon;
  }
  const Status saved = store_.SaveCheckpoints(kTask, checkpoints);
  return saved.ok() ? status : saved;
}

// Does what the reconciler would, at a random time.
void CrashSchedule::StepCollections(bool all) {
  feed_.StepCatalog();
  Life& life = *life_;
  for (const auto& collection : source_.collections()) {
    const CollectionId id = collection->id;
    if (source_.catalog()->Find(id) == nullptr) {
      if (life.router.Follows(id)) {
        life.writer.Discard(id);
        if (life.writer.Idle(id)) {
          life.router.Forget(id);
          life.writer.Forget(id);
        }
      }
    } else if (!life.open.contains(id) && (all || chance_.OneIn(2))) {
      life.open.insert(id);
      life.writer.Open(id, {.target = {"default", collection->name},
                            .primary_key = "id",
                            .function_outputs = {},
                            .partition_key = true,
                            .partitions = {},
                            .names = {}});
    }
  }
}

void CrashSchedule::Step() {
  const size_t what = chance_.Below(100);
  if (what < 20) {
    source_.Step();
  } else if (what < 42) {
    feed_.StepChannel(source_.channels()[chance_.Below(source_.channels().size())]);
  } else if (what < 60) {
    life_->writer.Turn(never_);
  } else if (what < 69) {
    target_.Step();
  } else if (what < 81) {
    StepSaver();
  } else if (what < 84) {
    StepCollections(false);
  } else if (what < 91) {
    Pass(milliseconds(1 + chance_.Below(300)));
  } else if (what < 92) {
    store_fails_ = !store_fails_;
  } else if (what < 94) {
    if (target_.has_zombies()) {
      ++result_.zombies;
      target_.StepZombie();
    }
  } else if (what < 98) {
    if (target_.has_calls() || chance_.OneIn(8)) {
      Crash();
    }
  } else if (target_.has_calls() || chance_.OneIn(4)) {
    Stop();
  }
}

void CrashSchedule::Finish() {
  const Timestamp last = source_.Finish();
  store_fails_ = false;
  target_.Heal();
  const auto done = [this, last] {
    return std::all_of(
        source_.channels().begin(), source_.channels().end(),
        [this, last](const auto& name) { return life_->router.HasAppliedTo(name, last); });
  };
  for (int round = 0; result_.fault.empty() && !done(); ++round) {
    if (round == 500) {
      Fault("stuck");
    }
    StepCollections(true);
    for (const std::string& channel : source_.channels()) {
      while (feed_.StepChannel(channel)) {
      }
    }
    life_->writer.Turn(never_);
    while (target_.Step()) {
    }
    StepSaver();
    Pass(milliseconds(20));
  }
  if (result_.fault.empty()) {
    Compare();
  }
}

// ---- What must hold --------------------------------------------------------------------------

void CrashSchedule::CheckSent(const RowBatch& batch) {
  for (const MessagePtr& message : batch.messages) {
    const std::string& channel = source_.ChannelOf(*message);
    if (message->ts > durable_[channel]) {
      Fault("sent above the durable horizon");
    }
    const bool again = !life_->sent.insert(message.get()).second;
    if (message->type != MessageType::kInsert || again ||
        source_.Find(*message)->kind != Kind::kPlain) {
      continue;
    }
    const bool in_doubt = message->ts <= life_->doubts[channel];
    if (in_doubt) {
      ++result_.inserts_again;
    } else {
      ++result_.inserts_beyond;
    }
    if (in_doubt != (batch.op == RowOp::kUpsert) && !options_.forget_doubts) {
      Fault(in_doubt ? "an insert in doubt as an insert"
                     : "an insert beyond the doubt as an upsert");
    }
  }
}

void CrashSchedule::CheckSaved(const ChannelCheckpoint& checkpoint) {
  for (const SimulatedSource::LogEntry& record : source_.log(checkpoint.channel)) {
    if (record.message->ts <= checkpoint.ts && !record.applied &&
        (record.kind == Kind::kPlain || record.kind == Kind::kReplaces) &&
        source_.rows().contains(record.message->collection)) {
      Fault("a checkpoint above what is acknowledged");
    }
  }
}

void CrashSchedule::Compare() {
  for (const auto& [id, expected] : source_.rows()) {
    const auto found = target_.rows().find("c" + std::to_string(id.value));
    SimulatedRows actual = found == target_.rows().end() ? SimulatedRows() : found->second;
    for (const auto& [key, rows] : expected) {
      const std::vector<const Message*> copy = std::exchange(actual[key], {});
      const std::string which = " in c" + std::to_string(id.value) + ": " + std::to_string(key);
      if (copy.empty()) {
        Fault("lost" + which);
      } else if (copy.size() > 1) {
        Fault("doubled" + which);
      } else if (copy != rows) {
        Fault("an old version" + which);
      }
    }
    for (const auto& [key, rows] : actual) {
      if (!rows.empty()) {
        Fault("resurrected in c" + std::to_string(id.value) + ": " + std::to_string(key));
      }
    }
  }
}

}  // namespace

CrashScheduleResult& CrashScheduleResult::operator+=(const CrashScheduleResult& other) {
  fault = fault.empty() ? other.fault : fault;
  crashes += other.crashes;
  stops += other.stops;
  saves += other.saves;
  zombies += other.zombies;
  inserts_again += other.inserts_again;
  inserts_beyond += other.inserts_beyond;
  return *this;
}

CrashScheduleResult RunCrashSchedule(uint64_t seed, const CrashScheduleOptions& options) {
  return CrashSchedule(seed, options).Run();
}

}  // namespace cdc
