#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/schema.h"
#include "source/snapshot/column_chunk.h"
#include "source/snapshot/segment.h"

namespace cdc {

// What all rows of a segment have in common.
struct RowPlace {
  CollectionId collection;
  PartitionId partition;
  std::string partition_name;
  SegmentId segment;
  std::string vchannel;
};

// Some rows of a segment, column by column.
struct RowChunk {
  ColumnChunk row_ids;
  ColumnChunk times;
  std::vector<ColumnChunk> columns;  // parallel to the fields
};

// Writes the chosen rows of `chunk` as the source's proxy writes an insert to a DML channel: a
// serialized msg.InsertRequest. Vectors are copied as bytes.
std::string EncodeInsertRecord(const RowPlace& place,
                               const std::vector<Field>& fields,
                               const RowChunk& chunk,
                               std::span<const size_t> rows);

}  // namespace cdc
