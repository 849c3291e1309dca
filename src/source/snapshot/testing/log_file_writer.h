#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "source/snapshot/column_chunk.h"
#include "source/snapshot/insert_record.h"
#include "source/snapshot/log_file.h"

namespace cdc {

// Bytes written as hexadecimal digits.
std::string FromHex(std::string_view hex);

// A column of bytes with these values.
ColumnChunk BytesColumn(const std::vector<std::string>& values);

// A Parquet file as Milvus 2.3 writes it: one required column.
std::string WriteParquet(const Field& field, const ColumnChunk& values);

struct FrameOptions {
  LogKind kind = LogKind::kInsert;
  std::string extra = R"({"original_size":"32"})";
};

// The frame around `payloads`; `payloads` of the header are ignored.
std::string WriteLogFile(const LogFileHeader& header,
                         const std::vector<std::string>& payloads,
                         const FrameOptions& options = {});

// One file of an insert, with the header that its place demands.
std::string WriteInsertLog(const RowPlace& place, const Field& field, const ColumnChunk& values);

// A delete log with these entries.
std::string WriteDeleteLog(CollectionId collection,
                           PartitionId partition,
                           const std::vector<std::string>& entries);

}  // namespace cdc
