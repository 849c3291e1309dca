#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ids.h"
#include "model/schema.h"
#include "source/snapshot/deleted_keys.h"
#include "source/snapshot/insert_record.h"
#include "source/snapshot/parquet_column.h"
#include "source/snapshot/segment.h"
#include "source/storage/storage.h"

namespace cdc {

// Bounds of one record, and about twice of what a reader holds in memory besides the pages of the
// files. A row that is larger by itself is a record of its own.
struct RecordLimits {
  size_t rows = 10'000;
  size_t bytes = 2U << 20;
};

// Which rows are delivered: those with a time in [oldest, cut] that are not in `deleted`, which
// must outlive its user.
struct RowFilter {
  Timestamp oldest;
  Timestamp cut;
  const DeletedKeys* deleted = nullptr;
};

// One of the segment's sets of files: file number `index` of each field.
struct FileSet {
  const Segment* segment = nullptr;
  size_t index = 0;
};

// Reads the rows of one set of files that are alive at a cut, as records of the log: the files of
// all fields side by side.
//
// All files are opened and checked before the first of their rows is delivered, and each page
// before a row in it is. After an error nothing more is delivered.
class SegmentReader {
 public:
  // `storage`, the segment of `set`, and `columns`, those of the plan, must outlive it.
  SegmentReader(Storage* storage,
                RowPlace place,
                FileSet set,
                const std::vector<Field>* columns,
                RowFilter filter,
                RecordLimits limits);

  // The next record; its number of rows is in `rows`. nullopt: there are no more.
  //
  // kNotFound: a file is gone, perhaps because the segment was compacted: plan again. kDataLoss,
  // kFailedPrecondition: see ReadLogFileHeader and ParquetColumn. Messages name the file.
  Result<std::optional<std::string>> Next(uint32_t* rows);

 private:
  // One file of the set.
  struct OpenFile {
    std::string path;
    std::unique_ptr<ParquetColumn> column;
    ColumnChunk* chunk = nullptr;
  };

  Status OpenSet();
  Status Open(const Field& field, int64_t rows, ColumnChunk* chunk);
  Status ReadChunk();
  Status FinishFiles();
  void ChooseRows(size_t rows);
  void AdaptChunk(size_t rows);
  size_t RowBytes(size_t row) const;
  std::string TakeRecord(uint32_t* rows);

  Storage* const storage_;
  const RowPlace place_;
  const Segment& segment_;
  const size_t set_;  // of its files
  const std::vector<Field>* const columns_;
  const RowFilter filter_;
  const RecordLimits limits_;
  size_t key_ = 0;  // index of the primary key in `columns_`

  bool opened_ = false;
  int64_t rows_left_ = 0;
  std::vector<OpenFile> files_;
  // The one whose pages make the chunks, so that its values are copied once, into the record: the
  // first of vectors, which are most of a row.
  std::optional<size_t> leading_;
  size_t chunk_rows_ = 0;  // how many to read at once
  RowChunk chunk_;
  std::vector<size_t> chosen_;  // rows of `chunk_` to be delivered
  size_t delivered_ = 0;        // of `chosen_`
};

}  // namespace cdc
