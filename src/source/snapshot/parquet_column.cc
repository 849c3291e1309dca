#include "source/snapshot/parquet_column.h"

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <parquet/column_reader.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>
#include <parquet/properties.h>
#include <parquet/schema.h>

#include "source/snapshot/field_layout.h"
#include "source/snapshot/payload_input.h"

namespace cdc {
namespace {

constexpr size_t kSparsePairBytes = 8;

parquet::Type::type ParquetType(StoredAs stored) {
  switch (stored) {
    case StoredAs::kBool: return parquet::Type::BOOLEAN;
    case StoredAs::kInt32: return parquet::Type::INT32;
    case StoredAs::kInt64: return parquet::Type::INT64;
    case StoredAs::kFloat: return parquet::Type::FLOAT;
    case StoredAs::kDouble: return parquet::Type::DOUBLE;
    case StoredAs::kBytes: return parquet::Type::BYTE_ARRAY;
    case StoredAs::kFixedBytes: break;
  }
  return parquet::Type::FIXED_LEN_BYTE_ARRAY;
}

// Appends values as the library returns them; a view of it ends with the next page.
template <class Value, class Out>
void AppendNumbers(const std::vector<Value>& values, size_t count, std::vector<Out>* out) {
  for (size_t i = 0; i < count; ++i) {
    out->push_back(static_cast<Out>(values[i]));
  }
}

// Whether what is returned may stay where it is, until the column is read again.
enum class Take { kCopied, kLent };

// Values of one width. Those of a page mostly lie side by side and are taken as one.
void AppendFixed(const std::vector<parquet::FixedLenByteArray>& values,
                 size_t count,
                 size_t width,
                 Take take,
                 ColumnChunk* out) {
  for (size_t first = 0; first < count;) {
    size_t last = first + 1;
    while (last < count && values[last].ptr == values[last - 1].ptr + width) {
      ++last;
    }
    const std::string_view piece(reinterpret_cast<const char*>(values[first].ptr),
                                 (last - first) * width);
    if (take == Take::kLent && piece.size() == count * width) {
      out->lent = piece;
    } else {
      out->bytes += piece;
    }
    first = last;
  }
  size_t end = out->ends.empty() ? 0 : out->ends.back();
  for (size_t i = 0; i < count; ++i) {
    out->ends.push_back(end += width);
  }
}

void AppendBytes(const uint8_t* data, size_t size, ColumnChunk* out) {
  if (size > 0) {  // else there may be no data
    out->bytes.append(reinterpret_cast<const char*>(data), size);
  }
  out->ends.push_back(out->bytes.size());
}

class PayloadColumn final : public ParquetColumn {
 public:
  PayloadColumn(std::shared_ptr<StorageFile> file,
                std::vector<ByteRange> payloads,
                const Field& field,
                FieldLayout layout,
                ColumnPlace place)
      : file_(std::move(file)),
        payloads_(std::move(payloads)),
        layout_(layout),
        place_(place),
        nullable_(field.nullable),
        sparse_(field.type == DataType::kSparseFloatVector) {}

  // Checks all payloads; call it first.
  Status Open(std::optional<int64_t> rows) {
    return Guard([&]() -> Status {
      for (const ByteRange& payload : payloads_) {
        inputs_.push_back(std::make_shared<PayloadInput>(file_, payload));
        readers_.push_back(parquet::ParquetFileReader::Open(inputs_.back(), properties_));
        CDC_RETURN_IF_ERROR(Check(*readers_.back()->metadata()));
      }
      if (rows.has_value() && rows_ != *rows) {
        return DataLossError("it does not have one value a row: " + std::to_string(rows_) + " of " +
                             std::to_string(*rows));
      }
      return OkStatus();
    });
  }

  int64_t rows() const override { return rows_; }

  Status Read(size_t rows, ColumnChunk* out) override {
    return Guard([&]() -> Status {
      while (rows > 0) {
        CDC_ASSIGN_OR_RETURN(const bool more, FindValues());
        if (!more) {
          return DataLossError("its values end early");
        }
        CDC_ASSIGN_OR_RETURN(const size_t count, ReadSome(rows, Take::kCopied, out));
        rows -= count;
      }
      return OkStatus();
    });
  }

  Result<size_t> ReadPage(size_t rows, ColumnChunk* out) override {
    size_t count = 0;
    CDC_RETURN_IF_ERROR(Guard([&]() -> Status {
      CDC_ASSIGN_OR_RETURN(const bool more, FindValues());
      if (!more) {
        return DataLossError("its values end early");
      }
      CDC_ASSIGN_OR_RETURN(count, ReadSome(rows, Take::kLent, out));
      return OkStatus();
    }));
    return count;
  }

  Status Finish() override {
    return Guard([&]() -> Status {
      CDC_ASSIGN_OR_RETURN(const bool more, FindValues());
      return more ? DataLossError("it has more values than it says") : OkStatus();
    });
  }

 private:
  // The library throws. What it throws because reading failed is that failure.
  template <class Function>
  Status Guard(Function function) {
    try {
      return function();
    } catch (const std::exception& error) {
      for (const auto& input : inputs_) {
        CDC_RETURN_IF_ERROR(input->failure());
      }
      return DataLossError(error.what());
    }
  }

  Status Check(const parquet::FileMetaData& metadata) {
    if (metadata.num_columns() != place_.columns) {
      return DataLossError("it has another number of columns than " +
                           std::to_string(place_.columns) + ": " +
                           std::to_string(metadata.num_columns()));
    }
    const parquet::ColumnDescriptor* column = metadata.schema()->Column(place_.index);
    if (column->physical_type() != ParquetType(layout_.stored) ||
        (layout_.width != 0 && column->type_length() != layout_.width) ||
        column->max_repetition_level() != 0 || column->max_definition_level() > 1) {
      return DataLossError("its column is not of the field's type: " +
                           parquet::TypeToString(column->physical_type(), column->type_length()));
    }
    int64_t in_groups = 0;
    for (int i = 0; i < metadata.num_row_groups(); ++i) {
      const int64_t values = metadata.RowGroup(i)->num_rows();
      if (values != metadata.RowGroup(i)->ColumnChunk(place_.index)->num_values()) {
        return DataLossError("a row group has other numbers of rows and values");
      }
      in_groups += values;
    }
    if (in_groups != metadata.num_rows() || in_groups < 0) {
      return DataLossError("its row groups do not hold its rows: " + std::to_string(in_groups) +
                           " and " + std::to_string(metadata.num_rows()));
    }
    rows_ += in_groups;
    return OkStatus();
  }

  // Makes `values_` a reader with values. False at the end.
  Result<bool> FindValues() {
    while (values_ == nullptr || !values_->HasNext()) {
      if (payload_ == readers_.size()) {
        return false;
      }
      if (group_ == readers_[payload_]->metadata()->num_row_groups()) {
        ++payload_;
        group_ = 0;
        continue;
      }
      values_ = readers_[payload_]->RowGroup(group_++)->Column(place_.index);
    }
    return true;
  }

  // Reads up to `rows` values of the current page.
  Result<size_t> ReadSome(size_t rows, Take take, ColumnChunk* out) {
    switch (layout_.stored) {
      case StoredAs::kBool: {
        // std::vector<bool> has no array inside.
        const auto values = std::make_unique<bool[]>(rows);  // NOLINT(modernize-avoid-c-arrays)
        CDC_ASSIGN_OR_RETURN(const size_t count,
                             ReadValues<parquet::BoolReader>(rows, values.get(), out));
        out->ints.insert(out->ints.end(), values.get(), values.get() + count);
        return count;
      }
      case StoredAs::kInt32: {
        std::vector<int32_t> values(rows);
        CDC_ASSIGN_OR_RETURN(const size_t count,
                             ReadValues<parquet::Int32Reader>(rows, values.data(), out));
        AppendNumbers(values, count, &out->ints);
        return count;
      }
      case StoredAs::kInt64: return ReadInto<parquet::Int64Reader>(rows, &out->ints, out);
      case StoredAs::kFloat: return ReadInto<parquet::FloatReader>(rows, &out->floats, out);
      case StoredAs::kDouble: return ReadInto<parquet::DoubleReader>(rows, &out->doubles, out);
      case StoredAs::kBytes: {
        std::vector<parquet::ByteArray> values(rows);
        CDC_ASSIGN_OR_RETURN(const size_t count,
                             ReadValues<parquet::ByteArrayReader>(rows, values.data(), out));
        for (size_t i = 0; i < count; ++i) {
          if (sparse_ && values[i].len % kSparsePairBytes != 0) {
            return DataLossError("a sparse vector has an impossible size: " +
                                 std::to_string(values[i].len));
          }
          AppendBytes(values[i].ptr, values[i].len, out);
        }
        return count;
      }
      default: {
        std::vector<parquet::FixedLenByteArray> values(rows);
        CDC_ASSIGN_OR_RETURN(const size_t count, ReadValues<parquet::FixedLenByteArrayReader>(
                                                     rows, values.data(), out));
        AppendFixed(values, count, static_cast<size_t>(layout_.width), take, out);
        return count;
      }
    }
  }

  template <class Reader, class Value>
  Result<size_t> ReadInto(size_t rows, std::vector<Value>* values, ColumnChunk* out) {
    const size_t before = values->size();
    values->resize(before + rows);
    const Result<size_t> count = ReadValues<Reader>(rows, values->data() + before, out);
    values->resize(before + (count.ok() ? *count : 0));
    return count;
  }

  // One value per row, with zero values where it is null, which is noted in `out`.
  template <class Reader, class Value>
  Result<size_t> ReadValues(size_t rows, Value* values, ColumnChunk* out) {
    auto& reader = static_cast<Reader&>(*values_);
    std::vector<int16_t> levels(rows);
    int64_t given = 0;
    const int64_t read = reader.ReadBatch(static_cast<int64_t>(rows), levels.data(),
                                          /*rep_levels=*/nullptr, values, &given);
    if (read <= 0 || given > read) {
      return DataLossError("its values end early");
    }
    const auto count = static_cast<size_t>(read);
    if (!nullable_ && given != read) {
      return DataLossError("it has null values");
    }
    if (nullable_) {
      levels.resize(count);
      CDC_RETURN_IF_ERROR(Spread(levels, static_cast<size_t>(given), values));
      // A column that is required in the file has no levels, and no nulls.
      const bool all = given == read;
      for (const int16_t level : levels) {
        out->valid += all || level > 0 ? '\1' : '\0';
      }
    }
    return count;
  }

  // Moves the given values, which the library puts to the front, to their rows.
  template <class Value>
  static Status Spread(const std::vector<int16_t>& levels, size_t given, Value* values) {
    if (given == levels.size()) {
      return OkStatus();
    }
    for (size_t row = levels.size(); row > 0; --row) {
      if (levels[row - 1] == 0) {
        values[row - 1] = Value{};
      } else if (given == 0) {
        return DataLossError("it has fewer values than rows that are not null");
      } else {
        values[row - 1] = values[--given];
      }
    }
    return given == 0 ? OkStatus()
                      : DataLossError("it has more values than rows that are not null");
  }

  static parquet::ReaderProperties Properties() {
    parquet::ReaderProperties properties;
    // A segment may have hundreds of MB per field: read pages, not the whole column.
    properties.enable_buffered_stream();
    // What a read takes beyond the buffer is not copied through it: enough for the heads of pages,
    // and for pages that are too small to be worth a read of their own.
    properties.set_buffer_size(128 << 10);
    properties.set_page_checksum_verification(true);
    return properties;
  }

  const std::shared_ptr<StorageFile> file_;
  const std::vector<ByteRange> payloads_;
  const FieldLayout layout_;
  const ColumnPlace place_;
  const bool nullable_;
  const bool sparse_;
  const parquet::ReaderProperties properties_ = Properties();
  std::vector<std::shared_ptr<PayloadInput>> inputs_;
  std::vector<std::unique_ptr<parquet::ParquetFileReader>> readers_;
  int64_t rows_ = 0;
  size_t payload_ = 0;
  int group_ = 0;
  std::shared_ptr<parquet::ColumnReader> values_;
};

}  // namespace

Result<std::unique_ptr<ParquetColumn>> OpenParquetColumn(std::shared_ptr<StorageFile> file,
                                                         const std::vector<ByteRange>& payloads,
                                                         const Field& field,
                                                         std::optional<int64_t> rows,
                                                         ColumnPlace place) {
  CDC_ASSIGN_OR_RETURN(const FieldLayout layout, LayoutOf(field));
  auto column = std::make_unique<PayloadColumn>(std::move(file), payloads, field, layout, place);
  CDC_RETURN_IF_ERROR(column->Open(rows));
  return std::unique_ptr<ParquetColumn>(std::move(column));
}

Result<bool> BeginsWithTexts(const std::shared_ptr<StorageFile>& file, const ByteRange& payload) {
  const auto input = std::make_shared<PayloadInput>(file, payload);
  try {
    const auto reader = parquet::ParquetFileReader::Open(input);
    const auto metadata = reader->metadata();
    return metadata->num_columns() > 0 &&
           metadata->schema()->Column(0)->physical_type() == parquet::Type::BYTE_ARRAY;
  } catch (const std::exception& error) {
    CDC_RETURN_IF_ERROR(input->failure());
    return DataLossError(error.what());
  }
}

}  // namespace cdc
