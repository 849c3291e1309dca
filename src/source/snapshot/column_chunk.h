#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cdc {

// The values of one field for some rows. Only one of the lists is used, by the field's type.
struct ColumnChunk {
  std::vector<int64_t> ints;  // Bool, Int8 to Int64
  std::vector<float> floats;
  std::vector<double> doubles;
  // Texts, documents, arrays and vectors: value i is bytes [ends[i - 1], ends[i]) of `bytes`, or of
  // `lent`, if that is not empty: then they are where the column has them until it is read again.
  std::string bytes;
  std::string_view lent;
  std::vector<size_t> ends;
  // Of a field that may hold nulls: for each value 1, or 0 for a null, which is a zero or empty
  // value above.
  std::string valid;

  // Removes the values and keeps the memory.
  void Clear() {
    ints.clear();
    floats.clear();
    doubles.clear();
    bytes.clear();
    lent = {};
    ends.clear();
    valid.clear();
  }

  // Makes the bytes its own.
  void KeepLent() {
    bytes += lent;
    lent = {};
  }

  std::string_view BytesAt(size_t row) const {
    const size_t begin = row == 0 ? 0 : ends[row - 1];
    return (lent.empty() ? std::string_view(bytes) : lent).substr(begin, ends[row] - begin);
  }

  // About what the values of `rows` rows, which are all, take in a request.
  size_t Size(size_t rows) const {
    if (!ends.empty()) {
      return ends.back() + rows * sizeof(uint32_t);
    }
    return rows * (floats.empty() ? sizeof(int64_t) : sizeof(float));
  }

  // About what the value takes in a request.
  size_t SizeAt(size_t row) const {
    if (!ends.empty()) {
      return BytesAt(row).size() + sizeof(uint32_t);
    }
    return floats.empty() ? sizeof(int64_t) : sizeof(float);
  }
};

}  // namespace cdc
