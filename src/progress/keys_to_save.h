#pragma once

#include <map>
#include <string>

#include "model/ids.h"

namespace cdc {

// What must be as durable as the checkpoints: the keys of the rows that these say are applied, of
// collections whose stored rows are still being copied. Thread-safe.
class KeysToSave {
 public:
  virtual ~KeysToSave() = default;

  // Not known to be saved, by collection. Called after the checkpoints are taken that they are
  // saved with.
  virtual std::map<CollectionId, std::string> Unsaved() = 0;
  // What the last Unsaved returned is saved.
  virtual void OnSaved() = 0;
};

}  // namespace cdc
