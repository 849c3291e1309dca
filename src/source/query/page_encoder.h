#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ids.h"
#include "model/schema.h"
#include "source/query/answer_column.h"

namespace cdc {

// Turns pages of rows, as a query answers them, into records of the log. A query tells neither the
// shard of a row, nor its partition if there is a partition key, nor its time: the first two are
// found as the source's proxy finds them, the time is the shard's takeover.
class PageEncoder {
 public:
  // Roughly; a row that is larger by itself is a record of its own.
  static constexpr size_t kRecordBytes = 2U << 20;

  // What the records hold.
  enum class Content {
    kRows,  // all fields but those that a target computes itself
    kKeys,  // the primary key
  };

  // `times`: for each vchannel, the time that its rows get.
  PageEncoder(const Collection& collection,
              std::map<std::string, Timestamp> times,
              Content content = Content::kRows);

  // The names of the fields to query.
  std::vector<std::string> fields() const;

  // An expression that is true for every row.
  std::string all_rows() const;

  struct Record {
    std::string bytes;  // msg.InsertRequest
    uint32_t rows = 0;
    std::string vchannel;
  };
  struct Page {
    std::vector<Record> records;
    size_t rows = 0;
    std::string rest;  // the expression for the rows after this page
  };

  // `columns`: schema.FieldData each. `partition`: of all rows; nullptr: as the partition key says.
  //
  // kDataLoss: malformed, a column is missing, or the rows are not sorted by key, without which
  // there is no next page. kFailedPrecondition: there is no partition for a partition key.
  Result<Page> Encode(const std::vector<std::string_view>& columns,
                      const Partition* partition) const;

 private:
  struct Keys;
  // Rows that go into the same records.
  struct Place {
    size_t shard = 0;
    const Partition* partition = nullptr;
    auto operator<=>(const Place&) const = default;
  };

  Result<std::vector<AnswerColumn>> ReadColumns(const std::vector<std::string_view>& columns) const;
  Result<std::vector<const Partition*>> PartitionsOf(const AnswerColumn& column) const;
  std::string EncodeRecord(const Place& place,
                           const std::vector<AnswerColumn>& columns,
                           const std::vector<uint32_t>& rows) const;

  const CollectionId collection_;
  const std::vector<std::string> vchannels_;
  const std::map<std::string, Timestamp> times_;
  const Content content_;
  std::vector<Field> fields_;                   // to be queried
  size_t key_ = 0;                              // index in `fields_`
  size_t partition_key_ = 0;                    // likewise; meaningless without one
  std::vector<Partition> numbered_partitions_;  // by the number at the end of the name
};

}  // namespace cdc
