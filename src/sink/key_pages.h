#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "encode/delete_expression.h"
#include "model/primary_key.h"
#include "sink/key_reader.h"

namespace cdc {

// How a Milvus is asked for keys.
struct KeyQueries {
  ExpressionDialect dialect;
  // Whether a query with a limit returns the smallest keys. A Milvus does; Milvus Lite returns any.
  bool smallest_first;
  // Executes one query: at most `limit` keys that satisfy the expression, in any order.
  std::function<Result<std::vector<PrimaryKey>>(const std::string& expression, size_t limit)> query;
};

// Reads one page of KeyReader::ReadKeys with as many queries as it takes: of a server that returns
// any keys, the keys asked for are bounded from above until they are fewer than the limit.
Result<KeyPage> ReadKeyPage(const KeyScope& scope,
                            const std::optional<PrimaryKey>& after,
                            const KeyQueries& queries);

}  // namespace cdc
