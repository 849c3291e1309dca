#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/ids.h"
#include "model/schema.h"
#include "source/snapshot/segment.h"
#include "source/storage/storage.h"

namespace cdc {

// The paths below the storage's root.
std::string InsertLogPath(CollectionId collection,
                          const Segment& segment,
                          FieldId field,
                          int64_t log);
std::string DeleteLogFolder(CollectionId collection, const Segment& segment);

// What a log file holds: the rows of an insert, one field of them, or deletes.
enum class LogKind { kInsert, kDelete };

// Bytes [offset, offset + size) of a file.
struct ByteRange {
  int64_t offset = 0;
  int64_t size = 0;
  bool operator==(const ByteRange&) const = default;
};

// What a file says about itself.
struct LogFileHeader {
  CollectionId collection;
  PartitionId partition;
  SegmentId segment;  // of a delete log: possibly an older one, whose file was copied
  FieldId field;      // of a delete log: -1
  DataType type = DataType::kNone;
  // Of a delete log: keys and times are columns of their own, instead of one text for both.
  bool two_columns = false;
  std::vector<ByteRange> payloads;  // Parquet files, in order
};

// Reads the frame of a log file: magic number, descriptor event, and one event per payload.
// Integers are little-endian. There is no checksum, so everything is checked that can be: lengths,
// types of events, the end of the last one, which must be the end of the file.
//
// kDataLoss: damaged, or not a log file. kFailedPrecondition: encrypted, or of an unknown version.
// Messages name the byte, not the file. Others: see StorageFile.
Result<LogFileHeader> ReadLogFileHeader(StorageFile& file, LogKind kind);

}  // namespace cdc
