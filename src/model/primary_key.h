#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace cdc {

// The primary key of one row. The keys of a collection are all numbers or all texts; texts are
// ordered by their bytes, as Milvus orders them.
using PrimaryKey = std::variant<int64_t, std::string>;

}  // namespace cdc
