#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/primary_key.h"
#include "model/rows.h"

namespace cdc {

// Which rows of a target to look at.
struct KeyScope {
  CollectionName target;
  std::string primary_key;   // name of the key field
  size_t max_key_bytes = 0;  // of texts; 0: the keys are numbers
  std::string partition;     // empty: all
  std::string filter;        // another condition, as a boolean expression; empty: none
};

// Some keys, and where the next page begins.
struct KeyPage {
  std::vector<PrimaryKey> keys;  // ascending
  // Read on after this key, which need not be one of `keys`. nullopt: there are no more.
  std::optional<PrimaryKey> next;
};

// Reads the keys of the rows that a target holds. Thread-safe. Never retries.
class KeyReader {
 public:
  virtual ~KeyReader() = default;

  // Whether each partition has its own rows of a key, and a delete there leaves those of the
  // others. A Milvus Lite has one row of a key, deletes it wherever it is, and may show a row that
  // has moved in its old partition, too.
  virtual bool has_keys_by_partition() const = 0;

  // Reads keys greater than `after` (nullopt: from the smallest on), with every change that the
  // target has acknowledged. All pages together have each key once, except that a server may leave
  // out a key while the scope holds a smaller or equal key more than once.
  //
  // kUnavailable, among others: the collection or partition is not loaded; the message names the
  // cure. kNotFound: it does not exist. kFailedPrecondition: no expression can name the key field.
  // kCancelled: stopped. Others: as for RowSink.
  virtual Result<KeyPage> ReadKeys(const KeyScope& scope,
                                   const std::optional<PrimaryKey>& after,
                                   const std::stop_token& stop) = 0;
};

}  // namespace cdc
