#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/column_layout.h"
#include "model/message.h"
#include "wire/wire_reader.h"

namespace cdc {

// Goes through the values of one column of an insert, or through the keys of a delete, row by row:
//
//   CDC_RETURN_IF_ERROR(cursor.Start(column, rows));
//   for (…each row) { CDC_RETURN_IF_ERROR(cursor.Next()); …cursor.bytes()… }
//
// The values are views of the column, which must live as long. A cursor can be started again; it
// keeps its memory.
class ColumnCursor {
 public:
  // kDataLoss: the body is malformed, or cannot hold one value for each of `rows` rows, at least
  // one.
  Status Start(const Column& column, uint32_t rows);

  // Goes to the value of the next row; call it once for each. kDataLoss: there is none, or it is
  // malformed.
  Status Next();

  // Call it after the last row. kDataLoss: there are more values.
  Status CheckEnd();

  const Column& column() const { return column_; }
  bool is_null() const { return is_null_; }
  // The value, as the form of the column has it. Of a row that is null: anything.
  uint64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }

 private:
  Status Join();
  Status NextBytes();
  Status Error(std::string_view what) const;

  Column column_;
  ColumnLayout layout_;
  uint32_t rows_ = 0;
  uint32_t row_ = 0;         // the number of values read
  std::string_view packed_;  // those still to be read; not of kBytes
  std::string joined_;       // `packed_` of a body that has it in several pieces
  WireReader reader_{{}};    // of kBytes
  bool has_bytes_ = false;   // NextBytes has found some
  bool is_null_ = false;
  uint64_t number_ = 0;
  std::string_view bytes_;
};

}  // namespace cdc
