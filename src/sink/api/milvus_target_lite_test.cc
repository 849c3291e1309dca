// Runs against a Milvus Lite, which it starts, or against the Milvus at CDC_TEST_MILVUS_URI.
#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <future>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/eventually.h"
#include "base/testing/source_dir.h"
#include "encode/delete_expression.h"
#include "milvus.pb.h"
#include "milvus/milvus_call.h"
#include "milvus/milvus_channel.h"
#include "milvus/testing/milvus_lite_server.h"
#include "model/testing/insert_builder.h"
#include "sink/api/milvus_target.h"
#include "sink/testing/target_contract.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;
namespace schema = ::milvus::proto::schema;

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr milliseconds kTimeout = kPatience;

// One server for all tests of this program; each test has a database of its own.
class RealServer {
 public:
  static const RealServer& Get() {
    static const RealServer server;
    return server;
  }
  const Status& status() const { return status_; }
  const std::string& uri() const { return uri_; }

 private:
  RealServer() {
    if (const char* uri = std::getenv("CDC_TEST_MILVUS_URI"); uri != nullptr && *uri != '\0') {
      uri_ = uri;
      return;
    }
    auto lite = MilvusLiteServer::Start(SourceDir() + "/.cache/venv/bin/milvus-lite");
    if (!lite.ok()) {
      status_ = lite.status();
      return;
    }
    lite_ = *std::move(lite);
    uri_ = lite_->uri();
  }

  std::unique_ptr<MilvusLiteServer> lite_;
  std::string uri_;
  Status status_;
};

// The values of a row by field name, as text: JSON normalized, everything else as protobuf prints
// it.
using Row = std::map<std::string, std::string>;
using Rows = std::map<std::string, Row>;  // by key

std::string Element(const schema::FieldData& field, int i) {
  if (field.has_vectors()) {
    std::string text;
    const auto dim = static_cast<int>(field.vectors().dim());
    for (int j = i * dim; j < (i + 1) * dim; ++j) {
      text += std::to_string(field.vectors().float_vector().data(j)) + " ";
    }
    return text;
  }
  const auto& scalars = field.scalars();
  switch (scalars.data_case()) {
    case schema::ScalarField::kBoolData: return scalars.bool_data().data(i) ? "true" : "false";
    case schema::ScalarField::kIntData: return std::to_string(scalars.int_data().data(i));
    case schema::ScalarField::kLongData: return std::to_string(scalars.long_data().data(i));
    case schema::ScalarField::kFloatData: return std::to_string(scalars.float_data().data(i));
    case schema::ScalarField::kDoubleData: return std::to_string(scalars.double_data().data(i));
    case schema::ScalarField::kStringData: return scalars.string_data().data(i);
    case schema::ScalarField::kArrayData: return scalars.array_data().data(i).ShortDebugString();
    case schema::ScalarField::kJsonData:
      return nlohmann::json::parse(scalars.json_data().data(i), nullptr, false).dump();
    default: return "?";
  }
}

void AddRows(const google::protobuf::RepeatedPtrField<schema::FieldData>& fields, Rows* rows) {
  const schema::FieldData* keys = nullptr;
  for (const auto& field : fields) {
    keys = field.field_name() == "id" ? &field : keys;
  }
  ASSERT_NE(keys, nullptr);
  const int count = keys->scalars().has_long_data() ? keys->scalars().long_data().data_size()
                                                    : keys->scalars().string_data().data_size();
  for (int i = 0; i < count; ++i) {
    Row& row = (*rows)[Element(*keys, i)];
    for (const auto& field : fields) {
      row[field.is_dynamic() ? "$meta" : field.field_name()] = Element(field, i);
    }
  }
}

Rows RowsOf(const std::vector<FieldDatas>& messages) {
  Rows rows;
  for (const FieldDatas& fields : messages) {
    google::protobuf::RepeatedPtrField<schema::FieldData> copy(fields.begin(), fields.end());
    AddRows(copy, &rows);
  }
  return rows;
}

class MilvusTargetLiteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const RealServer& server = RealServer::Get();
    if (server.status().code() == StatusCode::kNotFound) {
      GTEST_SKIP() << "SKIPPED, NOT TESTED: " << server.status().ToString();
    }
    ASSERT_TRUE(server.status().ok()) << server.status().ToString();
    channel_ =
        std::make_unique<MilvusChannel>(*ParseEndpoint(server.uri()), MilvusChannel::Credentials{});
    target_ = *NewMilvusTarget({.uri = server.uri()});
    const auto version = target_->metadata().Connect(kTimeout, {});
    ASSERT_TRUE(version.ok()) << version.status().ToString();
    RecordProperty("version", version->version);
    deletes_by_ = version->traits.deletes_by;
    std::random_device random;
    database_ = "cdc_" + std::to_string(random());
    things_ = {database_, "things"};
  }

  void TearDown() override {
    if (target_ != nullptr && created_) {
      pb::ShowCollectionsRequest request;
      request.set_db_name(database_);
      pb::ShowCollectionsResponse shown;
      Expect(CallMilvus({.channel = channel_.get(), .timeout = kTimeout}, "ShowCollections",
                        database_, request, &shown));
      for (const std::string& name : shown.collection_names()) {
        Expect(target_->metadata().Apply(DropCollection{{database_, name}}, {}));
      }
      Expect(target_->metadata().Apply(DropDatabase{database_}, {}));
    }
  }

  static void Expect(const Status& status) { EXPECT_TRUE(status.ok()) << status.ToString(); }

  // Creates the collection with an index and loads it.
  void CreateThings(const Schema& things, int num_partitions = 0) {
    created_ = true;
    Expect(target_->metadata().Apply(CreateDatabase{database_}, {}));
    Expect(target_->metadata().Apply(
        CreateCollection{.name = things_, .schema = things, .num_partitions = num_partitions}, {}));
    Expect(target_->metadata().Apply(
        CreateIndex{things_, "v", "v_index", {{"index_type", "FLAT"}, {"metric_type", "L2"}}}, {}));
    Expect(target_->metadata().Apply(LoadCollection{things_}, {}));
  }

  RowBatch Batch(RowOp op, std::vector<MessagePtr> messages) const {
    RowBatch batch;
    batch.op = op;
    batch.target = things_;
    batch.primary_key = "id";
    batch.messages = std::move(messages);
    for (const MessagePtr& message : batch.messages) {
      batch.rows += message->rows;
      if (op == RowOp::kDelete) {
        batch.deletes.push_back(message->keys);
      }
    }
    return batch;
  }

  WriteResult Write(const RowBatch& batch) {
    std::promise<WriteResult> promise;
    target_->rows().Write(batch,
                          [&promise](const WriteResult& result) { promise.set_value(result); });
    return promise.get_future().get();
  }

  // Returns all rows that a query sees now. Waits until the collection is loaded.
  Rows ReadAll(const std::vector<std::string>& fields, const std::string& partition = "") {
    pb::QueryRequest request;
    request.set_db_name(database_);
    request.set_collection_name("things");
    *request.mutable_output_fields() = {fields.begin(), fields.end()};
    auto* limit = request.add_query_params();
    limit->set_key("limit");
    limit->set_value("16384");
    if (!partition.empty()) {
      request.add_partition_names(partition);
    }
    const auto deadline = std::chrono::steady_clock::now() + kTimeout;
    while (true) {
      pb::QueryResults response;
      const Status status = CallMilvus({.channel = channel_.get(), .timeout = kTimeout}, "Query",
                                       database_, request, &response);
      if (status.ok()) {
        Rows rows;
        AddRows(response.fields_data(), &rows);
        return rows;
      }
      if (std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << status.ToString();
        return {};
      }
      std::this_thread::sleep_for(milliseconds(50));  // still loading, and nothing reports the end
    }
  }

  static Field MakeField(int64_t id, const std::string& name, DataType type) {
    return {.id = {id}, .name = name, .type = type};
  }
  static Schema KeyAndVector(DataType key_type) {
    Schema things;
    things.fields.push_back(MakeField(100, "id", key_type));
    things.fields[0].is_primary_key = true;
    if (key_type == DataType::kVarChar) {
      things.fields[0].type_params = {{"max_length", "200"}};
    }
    things.fields.push_back(MakeField(101, "v", DataType::kFloatVector));
    things.fields[1].type_params = {{"dim", "2"}};
    return things;
  }
  static FieldDatas LongRows(const std::vector<int64_t>& keys, float value) {
    return {LongField(100, "id", keys),
            FloatVectorField(101, "v", 2, std::vector<float>(2 * keys.size(), value))};
  }

  std::unique_ptr<MilvusChannel> channel_;
  std::unique_ptr<Target> target_;
  std::optional<ExpressionDialect> deletes_by_;
  std::string database_;
  CollectionName things_;
  bool created_ = false;
};

TEST_F(MilvusTargetLiteTest, KeepsTheContract) { TargetContract{target_.get(), database_}.Run(); }

// A schema of every type that all supported targets know.
Schema EveryType() {
  Schema things;
  int64_t id = 100;
  const auto add = [&](const std::string& name, DataType type, std::vector<KeyValue> params = {}) {
    things.fields.push_back(
        {.id = {id++}, .name = name, .type = type, .type_params = std::move(params)});
    return &things.fields.back();
  };
  add("id", DataType::kInt64)->is_primary_key = true;
  add("b", DataType::kBool);
  add("i8", DataType::kInt8);
  add("i16", DataType::kInt16);
  add("i32", DataType::kInt32);
  add("f", DataType::kFloat);
  add("d", DataType::kDouble);
  add("s", DataType::kVarChar, {{"max_length", "100"}});
  add("j", DataType::kJson);
  add("a", DataType::kArray, {{"max_capacity", "8"}})->element_type = DataType::kInt64;
  add("v", DataType::kFloatVector, {{"dim", "8"}});
  things.enable_dynamic_field = true;
  return things;
}

FieldDatas EveryValue(const std::vector<int64_t>& keys, int seed) {
  const auto named = [](int64_t id, const std::string& name, schema::DataType type) {
    schema::FieldData field;
    field.set_field_id(id);
    field.set_field_name(name);
    field.set_type(type);
    return field;
  };
  FieldDatas fields = {LongField(100, "id", keys),           named(101, "b", schema::Bool),
                       named(102, "i8", schema::Int8),       named(103, "i16", schema::Int16),
                       named(104, "i32", schema::Int32),     named(105, "f", schema::Float),
                       named(106, "d", schema::Double),      named(107, "s", schema::VarChar),
                       named(108, "j", schema::JSON),        named(109, "a", schema::Array),
                       named(110, "v", schema::FloatVector), named(111, "$meta", schema::JSON)};
  fields[10].mutable_vectors()->set_dim(8);
  fields[11].set_is_dynamic(true);
  for (const int64_t key : keys) {
    const auto k = static_cast<int>(key % 100);
    fields[1].mutable_scalars()->mutable_bool_data()->add_data(k % 2 == 0);
    fields[2].mutable_scalars()->mutable_int_data()->add_data(-k);
    fields[3].mutable_scalars()->mutable_int_data()->add_data(300 * k);
    fields[4].mutable_scalars()->mutable_int_data()->add_data(-100'000 * k);
    fields[5].mutable_scalars()->mutable_float_data()->add_data(0.5F * static_cast<float>(k));
    fields[6].mutable_scalars()->mutable_double_data()->add_data(0.001 * k + seed);
    fields[7].mutable_scalars()->mutable_string_data()->add_data("gr\xc3\xbc\xc3\x9f" +
                                                                 std::to_string(k + seed));
    fields[8].mutable_scalars()->mutable_json_data()->add_data("{\"k\":" + std::to_string(k) +
                                                               ",\"l\":[1,\"x\"]}");
    auto* array = fields[9].mutable_scalars()->mutable_array_data();
    array->set_element_type(schema::Int64);
    array->add_data()->mutable_long_data()->add_data(key + seed);
    for (int i = 0; i < 8; ++i) {
      fields[10].mutable_vectors()->mutable_float_vector()->add_data(
          static_cast<float>(k * 8 + i + seed));
    }
    // A different key after a change: Milvus Lite's own upsert would keep the old one as well.
    fields[11].mutable_scalars()->mutable_json_data()->add_data(
        "{\"extra" + std::to_string(seed) + "\":\"e" + std::to_string(k + seed) + "\"}");
  }
  return fields;
}

std::vector<int64_t> Keys(int64_t first, int64_t count) {
  std::vector<int64_t> keys(static_cast<size_t>(count));
  std::iota(keys.begin(), keys.end(), first);
  return keys;
}

TEST_F(MilvusTargetLiteTest, RowsOfEveryTypeArriveAsTheyWere) {
  CreateThings(EveryType());
  EXPECT_THAT(
      SchemaDifferences(EveryType(),
                        (*target_->metadata().catalog()->DescribeCollection(things_, {}))->schema),
      IsEmpty());
  const std::vector<std::string> fields = {"id", "b", "i8", "i16", "i32", "f",
                                           "d",  "s", "j",  "a",   "v",   "$meta"};
  const FieldDatas first = EveryValue(Keys(1, 50), 0);
  FieldDatas second = EveryValue(Keys(51, 30), 0);
  std::swap(second[3], second[8]);  // columns may be in any order
  Expect(Write(Batch(RowOp::kInsert, {MakeInsert(first, 50), MakeInsert(second, 30)})).status);
  EXPECT_EQ(ReadAll(fields), RowsOf({first, second}));

  const FieldDatas changed = EveryValue(Keys(41, 20), 7);
  Expect(Write(Batch(RowOp::kUpsert, {MakeInsert(changed, 20)})).status);
  EXPECT_EQ(ReadAll(fields), RowsOf({first, second, changed}));

  Expect(Write(Batch(RowOp::kDelete, {MakeDelete(Keys(11, 60)), MakeDelete(Keys(71, 5))})).status);
  Rows want = RowsOf({first, second, changed});
  std::erase_if(want, [](const auto& row) {
    const int64_t key = std::stoll(row.first);
    return key >= 11 && key < 76;
  });
  EXPECT_EQ(ReadAll(fields), want);
}

TEST_F(MilvusTargetLiteTest, TextKeysOfAnyKindAreDeleted) {
  CreateThings(KeyAndVector(DataType::kVarChar));
  std::vector<std::string> keys = {"plain",
                                   "",
                                   "quote\"s'",
                                   "back\\slash\\",
                                   "\\\"",
                                   "\\n",
                                   "line\nfeed",
                                   "tab\tcr\r",
                                   "bell\x07"
                                   "esc\x1b del\x7f",
                                   "gr\xc3\xbc\xc3\x9f \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x90\x98",
                                   "a,b]",
                                   "{x} %s $y",
                                   "\xc2\x85\xe2\x80\xa8"};  // line ends of Unicode
  std::vector<std::string> all = keys;
  all.emplace_back("stays");
  const FieldDatas rows = {VarCharField(100, "id", all),
                           FloatVectorField(101, "v", 2, std::vector<float>(2 * all.size(), 0.5F))};
  Expect(
      Write(Batch(RowOp::kInsert, {MakeInsert(rows, static_cast<uint32_t>(all.size()))})).status);
  EXPECT_EQ(ReadAll({"id"}).size(), all.size());
  Expect(Write(Batch(RowOp::kDelete, {MakeDelete(keys)})).status);
  const Rows left = ReadAll({"id"});
  EXPECT_EQ(left.size(), 1U) << "first left: " << left.begin()->first;
  EXPECT_TRUE(left.contains("stays"));
}

TEST_F(MilvusTargetLiteTest, KeysAtTheEndsOfTheirRangeAreDeleted) {
  CreateThings(KeyAndVector(DataType::kInt64));
  const std::vector<int64_t> keys = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1};
  Expect(Write(Batch(RowOp::kInsert, {MakeInsert(LongRows(keys, 1), 6)})).status);
  Expect(Write(Batch(RowOp::kDelete, {MakeDelete(std::vector<int64_t>{7, INT64_MIN, -1})})).status);
  EXPECT_EQ(ReadAll({"id", "v"}), RowsOf({LongRows({INT64_MIN + 1, 0, 1, INT64_MAX - 1}, 1)}));
}

// The keys are as long as allowed and have characters that are expensive in an expression.
TEST_F(MilvusTargetLiteTest, TheLargestDeleteOfTextsIsTaken) {
  Schema things = KeyAndVector(DataType::kVarChar);
  things.fields[0].type_params = {{"max_length", "65535"}};
  CreateThings(things);
  std::vector<std::string> keys;
  for (const char* character : {"\\", "\"", "a", "\xc3\xa9", "\xe4\xb8\xad", "\xf0\x9f\x99\x82"}) {
    std::string& key = keys.emplace_back();
    while (key.size() + 4 <= 65'535) {
      key += character;
    }
  }
  const FieldDatas rows = {VarCharField(100, "id", keys),
                           FloatVectorField(101, "v", 2, std::vector<float>(12, 0.5F))};
  Expect(Write(Batch(RowOp::kInsert, {MakeInsert(rows, 6)})).status);
  EXPECT_EQ(ReadAll({"id"}).size(), 6U);
  std::vector<std::string> many = keys;
  while (many.size() < kMaxDeleteBytes / 65'535 - 1) {
    many.push_back(std::to_string(many.size()) + keys[3].substr(10));  // none of them exists
  }
  const auto began = std::chrono::steady_clock::now();
  const WriteResult result = Write(Batch(RowOp::kDelete, {MakeDelete(many)}));
  Expect(result.status);
  const auto took = std::chrono::steady_clock::now() - began;
  RecordProperty("largest_delete_us", std::to_string(took / std::chrono::microseconds(1)));
  EXPECT_THAT(ReadAll({"id"}), IsEmpty());
}

TEST_F(MilvusTargetLiteTest, AnIndexWithoutATypeIsMadeOnce) {
  CreateThings(KeyAndVector(DataType::kInt64));
  const CreateIndex without{things_, "id", "by_id", {}};
  Expect(target_->metadata().Apply(without, {}));
  Expect(target_->metadata().Apply(without, {}));
  const auto described = *target_->metadata().catalog()->DescribeCollection(things_, {});
  const auto& indexes = described->indexes;
  const auto found = std::find_if(indexes.begin(), indexes.end(),
                                  [](const TargetIndex& index) { return index.field == "id"; });
  ASSERT_NE(found, indexes.end());
  EXPECT_TRUE(SameIndexParams({}, found->params));
}

// Every word of the expression languages of all versions, in each case that makes a difference.
std::vector<std::string> WordsOfExpressions() {
  const auto cased = [](std::string word, int (*first)(int), int (*rest)(int)) {
    for (char& c : word) {
      c = static_cast<char>((&c == word.data() ? first : rest)(static_cast<unsigned char>(c)));
    }
    return word;
  };
  std::vector<std::string> words;
  for (const char* word : {"in",
                           "not",
                           "nin",
                           "and",
                           "or",
                           "like",
                           "exists",
                           "is",
                           "null",
                           "isnull",
                           "true",
                           "false",
                           "json_contains",
                           "json_contains_all",
                           "json_contains_any",
                           "array_contains",
                           "array_contains_all",
                           "array_contains_any",
                           "array_length",
                           "text_match",
                           "phrase_match",
                           "random_sample",
                           "element_filter",
                           "match_all",
                           "match_any",
                           "iso",
                           "interval",
                           "st_equals",
                           "threshold",
                           "minimum_should_match",
                           "count",
                           "u8",
                           "l",
                           "r"}) {
    words.push_back(cased(word, std::tolower, std::tolower));
    words.push_back(cased(word, std::toupper, std::toupper));
    words.push_back(cased(word, std::toupper, std::tolower));
    words.push_back(cased(word, std::tolower, std::toupper));
  }
  return words;
}

TEST_F(MilvusTargetLiteTest, ReservedWordsAreKnown) {
  created_ = true;
  Expect(target_->metadata().Apply(CreateDatabase{database_}, {}));
  std::vector<std::string> names = WordsOfExpressions();
  names.insert(names.end(), {" id ", "id ", "\tid", "_", "id"});
  for (const std::string& name : names) {
    Schema things = KeyAndVector(DataType::kInt64);
    things.fields[0].name = name;
    const std::string why = WhyNotInExpression(name, *deletes_by_);
    const Status made =
        target_->metadata().Apply(CreateCollection{.name = things_, .schema = things}, {});
    if (!made.ok()) {
      EXPECT_EQ(made.code(), StatusCode::kInvalidArgument) << name << ": " << made.ToString();
      continue;  // later versions refuse such a field
    }
    RowBatch batch = Batch(RowOp::kDelete, {MakeDelete(std::vector<int64_t>{1, 2})});
    batch.primary_key = name;
    const WriteResult result = Write(batch);
    EXPECT_EQ(result.status.ok(), why.empty()) << name << ": " << result.status.ToString();
    Expect(target_->metadata().Apply(DropCollection{things_}, {}));
  }
}

TEST_F(MilvusTargetLiteTest, TheLargestDeleteIsTaken) {
  CreateThings(KeyAndVector(DataType::kInt64));
  Expect(Write(Batch(RowOp::kInsert, {MakeInsert(LongRows({5}, 1), 1)})).status);
  const auto count = static_cast<int64_t>(kMaxDeleteKeys);
  Expect(Write(Batch(RowOp::kDelete, {MakeDelete(Keys(INT64_MAX - count, count - 1)),
                                      MakeDelete(std::vector<int64_t>{5})}))
             .status);
  EXPECT_THAT(ReadAll({"id"}), IsEmpty());
}

TEST_F(MilvusTargetLiteTest, RowsGoIntoTheirPartition) {
  CreateThings(KeyAndVector(DataType::kInt64));
  Expect(target_->metadata().Apply(CreatePartition{things_, "p1"}, {}));
  Expect(target_->metadata().Apply(LoadCollection{things_}, {}));
  RowBatch named = Batch(RowOp::kInsert, {MakeInsert(LongRows({1, 2}, 1), 2)});
  named.partition = "p1";
  Expect(Write(named).status);
  RowBatch unnamed = Batch(RowOp::kInsert, {MakeInsert(LongRows({3}, 1), 1)});
  unnamed.partition = "_default";
  Expect(Write(unnamed).status);
  EXPECT_EQ(ReadAll({"id"}, "p1").size(), 2U);
  EXPECT_EQ(ReadAll({"id"}).size(), 3U);
  RowBatch deleted = Batch(RowOp::kDelete, {MakeDelete(std::vector<int64_t>{1})});
  deleted.partition = "p1";
  Expect(Write(deleted).status);
  EXPECT_EQ(ReadAll({"id"}).size(), 2U);
  deleted.partition = "";
  const MessagePtr keeps_keys = MakeDelete(std::vector<int64_t>{3});
  deleted.deletes = {keeps_keys->keys};
  Expect(Write(deleted).status);
  EXPECT_EQ(ReadAll({"id"}).size(), 1U);
  named.partition = "nowhere";
  const WriteResult refused = Write(named);
  EXPECT_EQ(refused.status.code(), StatusCode::kNotFound) << refused.status.ToString();
  EXPECT_FALSE(refused.in_doubt);
}

TEST_F(MilvusTargetLiteTest, APartitionKeyRoutesRows) {
  Schema things = KeyAndVector(DataType::kInt64);
  things.fields.push_back(MakeField(102, "tenant", DataType::kInt64));
  things.fields.back().is_partition_key = true;
  CreateThings(things, 16);
  FieldDatas rows = LongRows(Keys(1, 40), 2);
  rows.push_back(LongField(102, "tenant", Keys(1, 40)));
  Expect(Write(Batch(RowOp::kInsert, {MakeInsert(rows, 40)})).status);
  Expect(Write(Batch(RowOp::kDelete, {MakeDelete(Keys(1, 10))})).status);
  EXPECT_EQ(ReadAll({"id"}).size(), 30U);
  EXPECT_THAT(
      SchemaDifferences(things,
                        (*target_->metadata().catalog()->DescribeCollection(things_, {}))->schema),
      IsEmpty());
}

TEST_F(MilvusTargetLiteTest, WhatIsNotThereIsNotFound) {
  const RowBatch batch = Batch(RowOp::kInsert, {MakeInsert(LongRows({1}, 1), 1)});
  WriteResult result = Write(batch);  // no such database
  EXPECT_EQ(result.status.code(), StatusCode::kNotFound) << result.status.ToString();
  EXPECT_FALSE(result.in_doubt);
  EXPECT_EQ(
      target_->metadata()
          .Apply(CreateCollection{.name = things_, .schema = KeyAndVector(DataType::kInt64)}, {})
          .code(),
      StatusCode::kNotFound);
  created_ = true;
  Expect(target_->metadata().Apply(CreateDatabase{database_}, {}));
  result = Write(batch);  // no such collection
  EXPECT_EQ(result.status.code(), StatusCode::kNotFound) << result.status.ToString();
  EXPECT_FALSE(result.in_doubt);
}

TEST_F(MilvusTargetLiteTest, RowsThatDoNotFitAreRefusedForGood) {
  CreateThings(KeyAndVector(DataType::kInt64));
  const FieldDatas rows = {LongField(100, "id", {1})};
  const WriteResult result = Write(Batch(RowOp::kInsert, {MakeInsert(rows, 1)}));
  EXPECT_FALSE(result.status.ok());
  EXPECT_FALSE(IsRetryable(result.status)) << result.status.ToString();
}

TEST_F(MilvusTargetLiteTest, DefaultsAndDescriptionsArriveInTheSchema) {
  Schema things = KeyAndVector(DataType::kInt64);
  things.fields.push_back(MakeField(102, "n", DataType::kInt64));
  schema::ValueField value;
  value.set_long_data(42);
  things.fields.back().default_value = value.SerializeAsString();
  CreateThings(things);
  const auto described = *target_->metadata().catalog()->DescribeCollection(things_, {});
  ASSERT_EQ(described->schema.fields.size(), 3U);
  EXPECT_EQ(described->schema.fields[2].default_value, things.fields[2].default_value);
  EXPECT_FALSE(described->schema.enable_dynamic_field);
}

// Writes of one lane may be in flight together as long as no key occurs twice.
TEST_F(MilvusTargetLiteTest, WritesInFlightTogetherAllArrive) {
  CreateThings(KeyAndVector(DataType::kInt64));
  constexpr int kWrites = 12;
  std::vector<std::promise<WriteResult>> promises(kWrites);
  for (int i = 0; i < kWrites; ++i) {
    target_->rows().Write(Batch(RowOp::kInsert, {MakeInsert(LongRows(Keys(i * 100, 100), 1), 100)}),
                          [&promises, i](const WriteResult& result) {
                            promises[static_cast<size_t>(i)].set_value(result);
                          });
  }
  for (auto& promise : promises) {
    Expect(promise.get_future().get().status);
  }
  EXPECT_EQ(ReadAll({"id"}).size(), static_cast<size_t>(kWrites) * 100);
}

}  // namespace
}  // namespace cdc
