#include "source/snapshot/testing/log_file_writer.h"

#include <cstdint>
#include <memory>

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <parquet/column_writer.h>
#include <parquet/file_writer.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

namespace cdc {
namespace {

template <class Int>
void AppendInt(Int value, std::string* out) {
  for (size_t i = 0; i < sizeof(Int); ++i) {
    out->push_back(static_cast<char>(static_cast<uint64_t>(value) >> (8 * i)));
  }
}

void AppendEvent(uint8_t type, const std::string& body, std::string* out) {
  constexpr int32_t kHeaderBytes = 17;
  const auto length = static_cast<int32_t>(body.size()) + kHeaderBytes;
  AppendInt<uint64_t>(1, out);
  AppendInt(type, out);
  AppendInt(length, out);
  AppendInt(static_cast<int32_t>(out->size()) - 13 + length, out);
  *out += body;
}

parquet::Type::type PhysicalType(DataType type) {
  switch (type) {
    case DataType::kBool: return parquet::Type::BOOLEAN;
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32: return parquet::Type::INT32;
    case DataType::kInt64: return parquet::Type::INT64;
    case DataType::kFloat: return parquet::Type::FLOAT;
    case DataType::kDouble: return parquet::Type::DOUBLE;
    default: break;
  }
  return type >= DataType::kBinaryVector ? parquet::Type::FIXED_LEN_BYTE_ARRAY
                                         : parquet::Type::BYTE_ARRAY;
}

template <class Writer, class Value>
void WriteValues(parquet::ColumnWriter* writer, const Value* values, size_t count) {
  static_cast<Writer*>(writer)->WriteBatch(static_cast<int64_t>(count), nullptr, nullptr, values);
}

const uint8_t* Bytes(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

void WriteColumn(parquet::Type::type type,
                 const ColumnChunk& values,
                 parquet::ColumnWriter* writer) {
  const size_t count = values.ints.size();
  if (type == parquet::Type::BOOLEAN) {
    const auto bools = std::make_unique<bool[]>(count);  // NOLINT(modernize-avoid-c-arrays)
    for (size_t i = 0; i < count; ++i) {
      bools[i] = values.ints[i] != 0;
    }
    WriteValues<parquet::BoolWriter>(writer, bools.get(), count);
  } else if (type == parquet::Type::INT32) {
    std::vector<int32_t> ints;
    for (const int64_t value : values.ints) {
      ints.push_back(static_cast<int32_t>(value));
    }
    WriteValues<parquet::Int32Writer>(writer, ints.data(), count);
  } else if (type == parquet::Type::INT64) {
    WriteValues<parquet::Int64Writer>(writer, values.ints.data(), count);
  } else if (type == parquet::Type::FLOAT) {
    WriteValues<parquet::FloatWriter>(writer, values.floats.data(), values.floats.size());
  } else if (type == parquet::Type::DOUBLE) {
    WriteValues<parquet::DoubleWriter>(writer, values.doubles.data(), values.doubles.size());
  } else if (type == parquet::Type::BYTE_ARRAY) {
    std::vector<parquet::ByteArray> texts;
    for (size_t i = 0; i < values.ends.size(); ++i) {
      const std::string_view text = values.BytesAt(i);
      texts.emplace_back(static_cast<uint32_t>(text.size()), Bytes(text));
    }
    WriteValues<parquet::ByteArrayWriter>(writer, texts.data(), texts.size());
  } else {
    std::vector<parquet::FixedLenByteArray> vectors;
    for (size_t i = 0; i < values.ends.size(); ++i) {
      vectors.emplace_back(Bytes(values.BytesAt(i)));
    }
    WriteValues<parquet::FixedLenByteArrayWriter>(writer, vectors.data(), vectors.size());
  }
}

}  // namespace

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

ColumnChunk BytesColumn(const std::vector<std::string>& values) {
  ColumnChunk column;
  for (const std::string& value : values) {
    column.bytes += value;
    column.ends.push_back(column.bytes.size());
  }
  return column;
}

std::string WriteParquet(const Field& field, const ColumnChunk& values) {
  using parquet::schema::GroupNode;
  using parquet::schema::PrimitiveNode;
  const parquet::Type::type type = PhysicalType(field.type);
  const int width = type == parquet::Type::FIXED_LEN_BYTE_ARRAY && !values.ends.empty()
                        ? static_cast<int>(values.ends.front())
                        : -1;
  const auto column = PrimitiveNode::Make("val", parquet::Repetition::REQUIRED, type,
                                          parquet::ConvertedType::NONE, width);
  const auto schema = std::static_pointer_cast<GroupNode>(
      GroupNode::Make("schema", parquet::Repetition::REQUIRED, {column}));
  const auto out = *arrow::io::BufferOutputStream::Create();
  const auto properties = parquet::WriterProperties::Builder()
                              .compression(parquet::Compression::ZSTD)
                              ->data_pagesize(1 << 10)  // several pages in small tests
                              ->build();
  const auto writer = parquet::ParquetFileWriter::Open(out, schema, properties);
  WriteColumn(type, values, writer->AppendRowGroup()->NextColumn());
  writer->Close();
  return (*out->Finish())->ToString();
}

std::string WriteLogFile(const LogFileHeader& header,
                         const std::vector<std::string>& payloads,
                         const FrameOptions& options) {
  std::string out = FromHex("bcfaff00");
  std::string descriptor;
  AppendInt(header.collection.value, &descriptor);
  AppendInt(header.partition.value, &descriptor);
  AppendInt(header.segment.value, &descriptor);
  AppendInt(header.field.value, &descriptor);
  descriptor += std::string(16, '\0');
  AppendInt(static_cast<int32_t>(header.type), &descriptor);
  descriptor += FromHex("3410101010101010");
  AppendInt(static_cast<int32_t>(options.extra.size()), &descriptor);
  AppendEvent(0, descriptor + options.extra, &out);
  for (const std::string& payload : payloads) {
    AppendEvent(options.kind == LogKind::kInsert ? 1 : 2, std::string(16, '\0') + payload, &out);
  }
  return out;
}

std::string WriteInsertLog(const RowPlace& place, const Field& field, const ColumnChunk& values) {
  return WriteLogFile({.collection = place.collection,
                       .partition = place.partition,
                       .segment = place.segment,
                       .field = field.id,
                       .type = field.type},
                      {WriteParquet(field, values)});
}

std::string WriteDeleteLog(CollectionId collection,
                           PartitionId partition,
                           const std::vector<std::string>& entries) {
  const Field field{.type = DataType::kString};
  return WriteLogFile(
      {.collection = collection, .partition = partition, .field = FieldId{-1}, .type = field.type},
      {WriteParquet(field, BytesColumn(entries))}, {.kind = LogKind::kDelete});
}

}  // namespace cdc
