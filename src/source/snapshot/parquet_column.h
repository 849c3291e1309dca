#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/status.h"
#include "model/schema.h"
#include "source/snapshot/column_chunk.h"
#include "source/snapshot/log_file.h"
#include "source/storage/storage.h"

namespace cdc {

// The Parquet files inside one log file: one column, read in order, a page at a time. Pages have no
// CRC; each is a ZSTD frame with a checksum, which is verified before a value of it is returned.
//
// Errors: kDataLoss: damaged, another number of columns, another type, other numbers of rows, or
// nulls of a field that has none. Others: see StorageFile.
class ParquetColumn {
 public:
  virtual ~ParquetColumn() = default;

  virtual int64_t rows() const = 0;

  // Appends the next `rows` values to `out`; kDataLoss if there are fewer. Nothing may be read
  // after an error.
  virtual Status Read(size_t rows, ColumnChunk* out) = 0;

  // As Read, but of the current page only: at least one value. Returns how many. Vectors are lent
  // to `out`, which must be empty, instead of copied.
  virtual Result<size_t> ReadPage(size_t rows, ColumnChunk* out) = 0;

  // To be called after the last row: kDataLoss if there are more.
  virtual Status Finish() = 0;
};

// Which one of a file's columns.
struct ColumnPlace {
  int index = 0;
  int columns = 1;
};

// A column of `field`. `rows`: how many values it must have, if that is known.
//
// kFailedPrecondition: a type that is not supported.
Result<std::unique_ptr<ParquetColumn>> OpenParquetColumn(std::shared_ptr<StorageFile> file,
                                                         const std::vector<ByteRange>& payloads,
                                                         const Field& field,
                                                         std::optional<int64_t> rows,
                                                         ColumnPlace place = {});

// Whether the first column of a payload holds texts. kDataLoss: it is damaged.
Result<bool> BeginsWithTexts(const std::shared_ptr<StorageFile>& file, const ByteRange& payload);

}  // namespace cdc
