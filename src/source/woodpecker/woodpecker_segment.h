#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "source/log.h"
#include "source/storage/storage.h"

namespace cdc {

// What a look at a segment found.
struct WoodpeckerRead {
  enum class Kind {
    kRecords,  // those of one block
    kNothing,  // no more now; there may be later
    kEnd,      // it says itself that there will be no more
  };
  Kind kind = Kind::kNothing;
  std::vector<LogRecord> records{};
  // kEnd: its index says that what is behind the last whole block was cut off when its writer died.
  // Nobody was told that it is stored.
  bool cut_off = false;
};

// Reads one segment of a log forwards. Use it from one thread.
//
// kNotFound: its file is missing. kDataLoss: it is damaged. kUnavailable: it is damaged, but may be
// written once more.
// Others: see Storage. After an error the same call may be repeated.
class WoodpeckerSegment {
 public:
  virtual ~WoodpeckerSegment() = default;

  // The records of the next block that holds entries at or after `entry`, which never decreases.
  // `closed`: nobody writes to it any more, so what is incomplete stays so.
  virtual Result<WoodpeckerRead> Read(int64_t entry, bool closed) = 0;

  // Its newest entry, which may be one that is not acknowledged; nullopt: none. Independent of
  // Read.
  virtual Result<std::optional<int64_t>> Newest() = 0;
};

// A file <log>/<segment>/data.log, to which blocks are appended, and an index when it is closed.
std::unique_ptr<WoodpeckerSegment> NewWoodpeckerFileSegment(Storage* storage,
                                                            int64_t log,
                                                            int64_t segment);

// Objects <log>/<segment>/<n>.blk, one for each block, and footer.blk, the index, when it is
// closed. Later on the blocks are merged into objects m_<n>.blk, footer.blk is replaced, and only
// then they are deleted. Read finds out whatever it meets of that.
std::unique_ptr<WoodpeckerSegment> NewWoodpeckerObjectSegment(Storage* storage,
                                                              int64_t log,
                                                              int64_t segment);

}  // namespace cdc
