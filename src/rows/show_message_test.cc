#include "rows/show_message.h"

#include <string>

#include <gtest/gtest.h>

namespace cdc {
namespace {

using std::string_literals::operator""s;

Column ScalarColumn(std::string_view name, DataType type, std::string_view body) {
  Column column;
  column.name = name;
  column.type = type;
  column.kind = ColumnKind::kScalarArray;
  column.body = body;
  return column;
}

// A StringArray with `count` times `value`.
std::string Strings(int count, const std::string& value) {
  std::string body;
  for (int i = 0; i < count; ++i) {
    body += '\x0a' + std::string(1, static_cast<char>(value.size())) + value;
  }
  return body;
}

TEST(ShowMessageTest, IntegersAndStringsOfAnInsertButNoVectors) {
  const std::string ids = "\x0a\x0d\x01\x02\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s;
  const std::string names = Strings(2, "it's\n");
  Message message;
  message.type = MessageType::kInsert;
  message.rows = 4;
  message.columns = {ScalarColumn("id", DataType::kInt64, ids),
                     ScalarColumn("name", DataType::kVarChar, names),
                     ScalarColumn("$meta", DataType::kJson, names)};
  Column vector = ScalarColumn("vector", DataType::kFloatVector, "secret");
  vector.kind = ColumnKind::kVectorArray;
  message.columns.push_back(vector);
  EXPECT_EQ(ShowMessage(message),
            "insert rows=4 id=[1, 2, 3, -1] name=['it\\x27s\\x0a', 'it\\x27s\\x0a']");
}

TEST(ShowMessageTest, TheFirstTenValuesAndTheBeginningOfALongOne) {
  const std::string ids = "\x0a\x0b"s + std::string(11, '\x07');
  const std::string names = Strings(11, "x");
  const std::string one = Strings(1, std::string(65, 'y'));
  Message message;
  message.type = MessageType::kInsert;
  message.rows = 11;
  message.columns = {ScalarColumn("id", DataType::kInt8, ids),
                     ScalarColumn("s", DataType::kVarChar, names),
                     ScalarColumn("t", DataType::kVarChar, one)};
  EXPECT_EQ(ShowMessage(message),
            "insert rows=11 id=[7, 7, 7, 7, 7, 7, 7, 7, 7, 7, …]"
            " s=['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', …] t=['" +
                std::string(64, 'y') + "…']");
}

TEST(ShowMessageTest, KeysOfADelete) {
  const std::string ids = "\x0a\x02\x05\x06";
  Message message;
  message.type = MessageType::kDelete;
  message.rows = 2;
  message.keys = {.is_string = false, .body = ids};
  EXPECT_EQ(ShowMessage(message), "delete rows=2 keys=[5, 6]");
  const std::string names = Strings(1, "k");
  message.rows = 1;
  message.keys = {.is_string = true, .body = names};
  EXPECT_EQ(ShowMessage(message), "delete rows=1 keys=['k']");
}

TEST(ShowMessageTest, DamagedValuesEndTheList) {
  Message message;
  message.type = MessageType::kDelete;
  message.rows = 2;
  const std::string cut = "\x0a\x02\x05\xff";
  message.keys = {.is_string = false, .body = cut};
  EXPECT_EQ(ShowMessage(message), "delete rows=2 keys=[5]");
}

}  // namespace
}  // namespace cdc
