#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/status.h"
#include "source/log.h"

namespace cdc {

// The readers of a feed. A reader follows a channel at one place only, so a channel that is read at
// two places needs two. The second one exists only while it is used. Belongs to the feed's thread.
class ReaderSet {
 public:
  static constexpr size_t kSlots = 2;

  // `log` must outlive this.
  explicit ReaderSet(Log* log) : log_(log) {}

  // Creates the reader if it does not exist.
  Result<LogReader*> Open(size_t slot);
  // nullptr: it does not exist.
  LogReader* Get(size_t slot) const { return slots_.at(slot).reader.get(); }

  // Call these when this reader begins or stops following a channel.
  void Use(size_t slot) { ++slots_.at(slot).channels; }
  void Unuse(size_t slot);
  bool IsUsed(size_t slot) const { return slots_.at(slot).channels > 0; }

 private:
  struct Slot {
    std::unique_ptr<LogReader> reader;
    size_t channels = 0;
  };

  Log* const log_;
  std::array<Slot, kSlots> slots_;
};

}  // namespace cdc
