#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "model/ids.h"
#include "source/snapshot/segment.h"
#include "source/storage/storage.h"

namespace cdc {

// The newest delete of each primary key. Keys of one collection are all numbers or all texts.
class DeletedKeys {
 public:
  void Add(int64_t key, Timestamp time);
  void Add(std::string_view key, Timestamp time);

  // Whether a row with this time is deleted: by a later delete, not by one with the same time,
  // which is the other half of the row's own upsert.
  bool Covers(int64_t key, Timestamp row) const;
  bool Covers(std::string_view key, Timestamp row) const;

  size_t size() const { return numbers_.size() + texts_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::unordered_map<int64_t, Timestamp> numbers_;
  std::unordered_map<std::string, Timestamp, Hash, std::equal_to<>> texts_;
};

// Reads all delete logs of `segment` and adds what was deleted at or before `cut`.
//
// Entries are texts (Milvus 2.2 and later) or two columns (2.5, if it is set up so).
//
// It reads the files of the segment's folder, too: Milvus 2.3 forgets some in etcd when a
// compaction ends while others are being written. What the folder has beyond the list is true all
// the same.
//
// kDataLoss, kFailedPrecondition: a file in the list is damaged or of an unknown form;
// kUnavailable: one outside the list is, which may still be being written. kNotFound: a file in the
// list is gone; plan again. Messages name the file. Others: see Storage.
Status ReadDeleteLogs(Storage& storage,
                      CollectionId collection,
                      const Segment& segment,
                      Timestamp cut,
                      const std::stop_token& stop,
                      DeletedKeys* keys);

// Adds one entry of a delete log: {"pk":1,"ts":470731292081651714,"pkType":5}, with the numbers of
// DataType. kDataLoss: it is something else.
Status AddDeleteEntry(std::string_view entry, Timestamp cut, DeletedKeys* keys);

}  // namespace cdc
