#include "source/snapshot/parquet_column.h"

#include <initializer_list>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/snapshot/testing/later_files.h"
#include "source/snapshot/testing/log_file_writer.h"
#include "source/snapshot/testing/memory_storage.h"
#include "source/snapshot/testing/milvus_files.h"

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Reads a whole log file.
Result<ColumnChunk> ReadFile(const std::string& bytes, const Field& field, int64_t rows) {
  std::unique_ptr<StorageFile> file = NewMemoryFile(bytes);
  CDC_ASSIGN_OR_RETURN(const LogFileHeader header, ReadLogFileHeader(*file, LogKind::kInsert));
  CDC_ASSIGN_OR_RETURN(const auto column,
                       OpenParquetColumn(std::move(file), header.payloads, field, rows));
  ColumnChunk chunk;
  for (int64_t left = rows; left > 0; left -= 3) {  // across pages
    CDC_RETURN_IF_ERROR(column->Read(static_cast<size_t>(std::min<int64_t>(left, 3)), &chunk));
  }
  CDC_RETURN_IF_ERROR(column->Finish());
  return chunk;
}

Field MakeField(DataType type, int dim = 0) {
  Field field{.id = FieldId{101}, .name = "f", .type = type};
  if (dim != 0) {
    field.type_params = {{.key = "dim", .value = std::to_string(dim)}};
  }
  return field;
}

Field Nullable(DataType type) {
  Field field = MakeField(type);
  field.nullable = true;
  return field;
}

struct MilvusFile {
  std::string_view hex;
  Field field;
  int64_t rows = 4;
};

std::vector<MilvusFile> MilvusFiles() {
  return {{kTimeLog, MakeField(DataType::kInt64)},
          {kKeyLog, MakeField(DataType::kVarChar)},
          {kVectorLog, MakeField(DataType::kBinaryVector, 16)},
          {kNullableInts, Nullable(DataType::kInt64)},
          {kNullableTexts, Nullable(DataType::kVarChar), 3},
          {kSparseVectors, MakeField(DataType::kSparseFloatVector), 3},
          {kInt8Vectors, MakeField(DataType::kInt8Vector, 4), 2}};
}

TEST(ParquetColumnTest, ReadsFilesOfMilvus) {
  const auto times = ReadFile(FromHex(kTimeLog), MakeField(DataType::kInt64), 4);
  ASSERT_TRUE(times.ok()) << times.status().ToString();
  EXPECT_THAT(times->ints, testing::Each(470729944959287303));
  EXPECT_EQ(times->ints.size(), 4U);
  const auto keys = ReadFile(FromHex(kKeyLog), MakeField(DataType::kVarChar), 4);
  ASSERT_TRUE(keys.ok()) << keys.status().ToString();
  EXPECT_EQ(keys->bytes, "k0k3k4k5");
  EXPECT_THAT(keys->ends, ElementsAre(2, 4, 6, 8));
  const auto vectors = ReadFile(FromHex(kVectorLog), MakeField(DataType::kBinaryVector, 16), 4);
  ASSERT_TRUE(vectors.ok()) << vectors.status().ToString();
  EXPECT_EQ(vectors->bytes, FromHex("00ff03fc04fb05fa"));
}

TEST(ParquetColumnTest, LendsTheVectorsOfAPage) {
  std::unique_ptr<StorageFile> file = NewMemoryFile(FromHex(kVectorLog));
  const auto header = ReadLogFileHeader(*file, LogKind::kInsert);
  ASSERT_TRUE(header.ok()) << header.status().ToString();
  const auto column = OpenParquetColumn(std::move(file), header->payloads,
                                        MakeField(DataType::kBinaryVector, 16), 4);
  ASSERT_TRUE(column.ok()) << column.status().ToString();
  ColumnChunk chunk;
  EXPECT_EQ(*(*column)->ReadPage(3, &chunk), 3U);
  EXPECT_EQ(chunk.bytes, "");
  EXPECT_EQ(chunk.BytesAt(2), FromHex("04fb"));
  EXPECT_EQ(chunk.Size(3), 6 + 3 * sizeof(uint32_t));
  chunk.KeepLent();
  ASSERT_TRUE((*column)->Read(1, &chunk).ok());
  EXPECT_EQ(chunk.bytes, FromHex("00ff03fc04fb05fa"));
  chunk.Clear();
  EXPECT_EQ((*column)->ReadPage(3, &chunk).status().code(), StatusCode::kDataLoss);
}

// Milvus writes no CRC, but each page is a ZSTD frame with a checksum: whichever bit of a file
// is wrong, its values are either refused or right.
TEST(ParquetColumnTest, NoFlippedBitChangesAValue) {
  for (const MilvusFile& milvus : MilvusFiles()) {
    const std::string good = FromHex(milvus.hex);
    const auto expected = ReadFile(good, milvus.field, milvus.rows);
    ASSERT_TRUE(expected.ok()) << expected.status().ToString();
    size_t refused = 0;
    for (size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bytes = good;
      bytes[bit / 8] =
          static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ 1U << bit % 8);
      const auto read = ReadFile(bytes, milvus.field, milvus.rows);
      if (!read.ok()) {
        ++refused;
        continue;
      }
      EXPECT_EQ(read->ints, expected->ints) << "byte " << bit / 8 << " bit " << bit % 8;
      EXPECT_EQ(read->bytes, expected->bytes) << "byte " << bit / 8 << " bit " << bit % 8;
      EXPECT_EQ(read->ends, expected->ends) << "byte " << bit / 8 << " bit " << bit % 8;
      EXPECT_EQ(read->valid, expected->valid) << "byte " << bit / 8 << " bit " << bit % 8;
    }
    EXPECT_GT(refused, good.size());  // the test can see damage at all
  }
}

TEST(ParquetColumnTest, ReadsNulls) {
  const auto valid = [](std::initializer_list<bool> rows) {
    return std::string(rows.begin(), rows.end());
  };
  for (const std::string_view file : {kNullableInts, kCompactedInts}) {
    const auto ints = ReadFile(FromHex(file), Nullable(DataType::kInt64), 4);
    ASSERT_TRUE(ints.ok()) << ints.status().ToString();
    EXPECT_THAT(ints->ints, ElementsAre(7, 0, -1, 0));
    EXPECT_EQ(ints->valid, valid({true, false, true, false}));
  }
  const auto none = ReadFile(FromHex(kOnlyNulls), Nullable(DataType::kInt64), 2);
  ASSERT_TRUE(none.ok()) << none.status().ToString();
  EXPECT_THAT(none->ints, ElementsAre(0, 0));
  EXPECT_EQ(none->valid, valid({false, false}));
  const auto texts = ReadFile(FromHex(kNullableTexts), Nullable(DataType::kVarChar), 3);
  ASSERT_TRUE(texts.ok()) << texts.status().ToString();
  EXPECT_EQ(texts->bytes, "a");
  EXPECT_THAT(texts->ends, ElementsAre(0, 0, 1));
  EXPECT_EQ(texts->valid, valid({true, false, true}));
  const auto documents = ReadFile(FromHex(kNullableDocuments), Nullable(DataType::kJson), 3);
  ASSERT_TRUE(documents.ok()) << documents.status().ToString();
  EXPECT_EQ(documents->bytes, R"({"a":1}null)");
  EXPECT_EQ(documents->valid, valid({true, false, true}));
  const auto arrays = ReadFile(FromHex(kNullableArrays), Nullable(DataType::kArray), 3);
  ASSERT_TRUE(arrays.ok()) << arrays.status().ToString();
  EXPECT_EQ(arrays->bytes, FromHex("1a040a0200011a00"));
  EXPECT_EQ(arrays->valid, valid({false, true, true}));
}

TEST(ParquetColumnTest, AFieldThatMayBeNullNeedsNoNulls) {
  // Written by a compaction, every column may have them.
  const auto required = ReadFile(FromHex(kCompactedRequiredInts), MakeField(DataType::kInt64), 2);
  ASSERT_TRUE(required.ok()) << required.status().ToString();
  EXPECT_THAT(required->ints, ElementsAre(1, 2));
  EXPECT_EQ(required->valid, "");
  const auto full = ReadFile(FromHex(kTimeLog), Nullable(DataType::kInt64), 4);
  ASSERT_TRUE(full.ok()) << full.status().ToString();
  EXPECT_EQ(full->valid, std::string(4, '\1'));
}

TEST(ParquetColumnTest, ReadsVectorsOfLaterVersions) {
  const auto sparse = ReadFile(FromHex(kSparseVectors), MakeField(DataType::kSparseFloatVector), 3);
  ASSERT_TRUE(sparse.ok()) << sparse.status().ToString();
  EXPECT_EQ(sparse->bytes, FromHex("010000000000003f7011010000000040030000000000803f"));
  EXPECT_THAT(sparse->ends, ElementsAre(16, 16, 24));
  for (const auto& [file, field] : {std::pair{kHalfVectors, MakeField(DataType::kFloat16Vector, 2)},
                                    {kBrainVectors, MakeField(DataType::kBFloat16Vector, 2)},
                                    {kInt8Vectors, MakeField(DataType::kInt8Vector, 4)}}) {
    const auto vectors = ReadFile(FromHex(file), field, 2);
    ASSERT_TRUE(vectors.ok()) << vectors.status().ToString();
    EXPECT_EQ(vectors->bytes, FromHex("0001020304050607"));
    EXPECT_THAT(vectors->ends, ElementsAre(4, 8));
  }
}

TEST(ParquetColumnTest, ReadsEveryType) {
  ColumnChunk numbers;
  ColumnChunk bytes;
  for (int i = 0; i < 1000; ++i) {
    numbers.ints.push_back(i % 2);
    numbers.floats.push_back(static_cast<float>(i) / 3);
    numbers.doubles.push_back(i / 3.0);
    bytes.bytes += std::string(8, static_cast<char>(i));
    bytes.ends.push_back(bytes.bytes.size());
  }
  const auto read = [](const Field& field, const ColumnChunk& values) {
    return ReadFile(WriteInsertLog({}, field, values), field, 1000);
  };
  for (const DataType type : {DataType::kBool, DataType::kInt8, DataType::kInt16, DataType::kInt32,
                              DataType::kInt64, DataType::kFloat, DataType::kDouble}) {
    const auto found = read(MakeField(type), numbers);
    ASSERT_TRUE(found.ok()) << DataTypeName(type) << ": " << found.status().ToString();
    if (type == DataType::kFloat) {
      EXPECT_EQ(found->floats, numbers.floats);
    } else if (type == DataType::kDouble) {
      EXPECT_EQ(found->doubles, numbers.doubles);
    } else {
      EXPECT_EQ(found->ints, numbers.ints) << DataTypeName(type);
    }
  }
  for (const Field& field :
       {MakeField(DataType::kVarChar), MakeField(DataType::kJson), MakeField(DataType::kArray),
        MakeField(DataType::kBinaryVector, 64), MakeField(DataType::kFloatVector, 2),
        MakeField(DataType::kFloat16Vector, 4), MakeField(DataType::kBFloat16Vector, 4)}) {
    const auto found = read(field, bytes);
    ASSERT_TRUE(found.ok()) << DataTypeName(field.type) << ": " << found.status().ToString();
    EXPECT_EQ(found->bytes, bytes.bytes);
    EXPECT_EQ(found->ends, bytes.ends);
  }
}

TEST(ParquetColumnTest, RefusesWhatIsNotTheColumn) {
  const auto error = [](const std::string& file, const Field& field, int64_t rows) {
    return ReadFile(file, field, rows).status().ToString();
  };
  const std::string times = FromHex(kTimeLog);
  EXPECT_THAT(error(times, MakeField(DataType::kInt64), 5), HasSubstr("one value a row: 4 of 5"));
  EXPECT_THAT(error(times, MakeField(DataType::kInt64), 3), HasSubstr("one value a row: 4 of 3"));
  EXPECT_THAT(error(times, MakeField(DataType::kDouble), 4),
              HasSubstr("DATA_LOSS: its column is not of the field's type"));
  EXPECT_THAT(error(FromHex(kVectorLog), MakeField(DataType::kBinaryVector, 32), 4),
              HasSubstr("its column is not of the field's type"));
  EXPECT_THAT(error(times, MakeField(DataType::kArrayOfVector), 4),
              HasSubstr("FAILED_PRECONDITION: field f: unsupported type ArrayOfVector"));
  EXPECT_THAT(error(times, Nullable(DataType::kFloatVector), 4),
              HasSubstr("FAILED_PRECONDITION: field f: vectors that may be null"));
  EXPECT_THAT(error(FromHex(kNullableInts), MakeField(DataType::kInt64), 4),
              HasSubstr("DATA_LOSS: it has null values"));
  EXPECT_THAT(error(FromHex(kKeyLog), MakeField(DataType::kSparseFloatVector), 4),
              HasSubstr("DATA_LOSS: a sparse vector has an impossible size: 2"));
}

}  // namespace
}  // namespace cdc
