#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/testing/simulated_source.h"
#include "sink/row_sink.h"

namespace cdc {

// The rows of a target in memory. Its calls end at each Step, in any order, and as badly as calls
// can end: refused, executed with the answer lost, executed in part, or with an unknown outcome and
// not executed. Calls of a dead process may be executed later (zombies). Inserts add a row, upserts
// replace those of their key, as in Milvus.
class SimulatedTarget final : public RowSink {
 public:
  SimulatedTarget(SimulatedChance* chance, std::function<void(const RowBatch&)> on_write);

  // From now on every call succeeds.
  void Heal() { healthy_ = true; }
  // Ends one call. Returns false if there is none.
  bool Step();
  // The process has died: its calls in flight are executed now, later or never.
  void Crash();
  // Executes one or all of the calls that dead processes have left.
  void StepZombie();
  void RunZombies();
  bool has_calls() const { return !calls_.empty(); }
  bool has_zombies() const { return !zombies_.empty(); }

  // The rows by collection name.
  const std::map<std::string, SimulatedRows>& rows() const { return rows_; }
  // `applied` is called for each message that is acknowledged.
  void OnApplied(std::function<void(const Message&)> applied) { applied_ = std::move(applied); }

  void Write(const RowBatch& batch, WriteDone done) override;
  void CancelWrites() override;

 private:
  struct Call {
    RowBatch batch;
    WriteDone done;
  };

  enum class Extent { kAll, kSome };
  void Execute(const RowBatch& batch, Extent extent);
  void Leave(const RowBatch& batch);
  void ExecuteRow(const RowBatch& batch, const Message& message, uint64_t key);

  SimulatedChance* const chance_;
  const std::function<void(const RowBatch&)> on_write_;
  std::function<void(const Message&)> applied_;
  bool healthy_ = false;
  std::vector<Call> calls_;
  std::vector<RowBatch> zombies_;
  std::map<std::string, SimulatedRows> rows_;
};

}  // namespace cdc
