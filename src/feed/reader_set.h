#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "base/status.h"
#include "source/log.h"

namespace cdc {

// The readers of a feed: a reader follows a channel at one place, so a channel that is read at two
// places needs two. The second exists only while it is used. Belongs to the feed's thread.
class ReaderSet {
 public:
  static constexpr size_t kSlots = 2;

  // `log` must outlive this.
  explicit ReaderSet(Log* log) : log_(log) {}

  // Makes the reader if there is none.
  Result<LogReader*> Open(size_t slot);
  // nullptr: there is none.
  LogReader* Get(size_t slot) const { return slots_.at(slot).reader.get(); }

  // A channel of this reader begins or ends.
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
