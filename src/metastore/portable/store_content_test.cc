#include "metastore/portable/store_content.h"

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metastore/portable/portable_text.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;

TaskRecord TaskNamed(const std::string& id) {
  TaskRecord task;
  task.spec.id = id;
  task.spec.sink_mode = SinkMode::kReplicate;
  return task;
}

void FillWith(MetaStore* store, const std::string& id) {
  ASSERT_TRUE(store->PutTask(TaskNamed(id)).ok());
  ASSERT_TRUE(store->SaveCheckpoints(id, {{"dml_0", MsgId{"\xff"}, {7}, {}}}).ok());
  ASSERT_TRUE(store->PutDatabase(id, "db").ok());
}

std::string TextOf(MetaStore* store) {
  const Result<StoreContent> content = StoreContent::Read(store);
  EXPECT_TRUE(content.ok()) << content.status().ToString();
  return content.ok() ? content->Text() : "";
}

// A store that refuses one task.
class FailingStore final : public InMemoryMetaStore {
 public:
  Status PutTask(const TaskRecord& task) override {
    if (task.spec.id == refused_) {
      return UnavailableError("disk full");
    }
    return InMemoryMetaStore::PutTask(task);
  }
  void Refuse(std::string task) { refused_ = std::move(task); }

 private:
  std::string refused_;
};

TEST(PortableText, KeepsAnyKeysAndValues) {
  std::mt19937 random(7);
  const auto bytes = [&](size_t most) {
    // Often what JSON, or a text, gives a meaning to.
    using std::string_view_literals::operator""sv;
    static constexpr std::string_view kUsual = "{}[]\"\\:,1e.-\n \0\xc3\xbc\xff"sv;
    std::string text(random() % (most + 1), '\0');
    for (char& each : text) {
      each = kUsual[random() % kUsual.size()];
    }
    return text;
  };
  for (int round = 0; round < 2'000; ++round) {
    std::map<std::string, std::string> records;
    for (size_t count = random() % 4; count > 0; --count) {
      records["key/" + std::to_string(random() % 100)] = bytes(12);
    }
    const std::string text = WritePortableText(records);
    const auto parsed = ParsePortableText(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString() << "\n" << text;
    ASSERT_EQ(*parsed, records) << text;
  }
}

TEST(PortableText, KeepsJsonAsItIs) {
  const std::map<std::string, std::string> records{
      {"a", R"({"x":1})"}, {"b", R"({ "x":1})"}, {"c", "[1,2]"}, {"d", "12"}, {"e", "{"}};
  const std::string text = WritePortableText(records);
  EXPECT_THAT(text, HasSubstr(R"("value":{"x":1})"));
  EXPECT_EQ(*ParsePortableText(text), records);
}

TEST(StoreContent, RefusesWhatIsNotComplete) {
  InMemoryMetaStore store;
  FillWith(&store, "t1");
  const std::string text = TextOf(&store);
  ASSERT_TRUE(StoreContent::Parse(text).ok());
  for (size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_EQ(StoreContent::Parse(text.substr(0, size)).status().code(), StatusCode::kDataLoss)
        << size;
  }
}

TEST(StoreContent, RefusesWhatANewerProgramWrote) {
  const auto code = [](const std::string& text) {
    return StoreContent::Parse(text).status().code();
  };
  EXPECT_EQ(code(R"({"format":"milvus-cdc metastore","version":2,"rows":1})"),
            StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(WritePortableText({{"version", "2"}})), StatusCode::kFailedPrecondition);
}

TEST(StoreContent, RefusesRecordsThatNothingWouldRead) {
  for (const char* key : {"progress/t9/source", "unknown/t1", "log_keys/t9/5/1"}) {
    const Status status = StoreContent::Parse(WritePortableText({{key, "x"}})).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    EXPECT_THAT(status.message(), HasSubstr(key));
  }
}

TEST(StoreContent, KeepsTheKeysOfALogWithoutACheckpoint) {
  InMemoryMetaStore store;
  FillWith(&store, "t1");
  ASSERT_TRUE(store.PutSnapshot("t1", {.collection = {5}, .log = CopyLog::kApplied}).ok());
  ASSERT_TRUE(store
                  .SaveCheckpoints("t1", {{.channel = "dml_0",
                                           .position = MsgId{"a"},
                                           .ts = {7},
                                           .applied = {},
                                           .log_keys = {{{5}, "keys"}}}})
                  .ok());
  MetaStore::Progress progress = *store.LoadProgress("t1");
  progress.channels.clear();
  ASSERT_TRUE(store.ReplaceProgress("t1", progress).ok());
  InMemoryMetaStore other;
  ASSERT_TRUE(ImportContent(*StoreContent::Read(&store), &other, false).ok());
  EXPECT_THAT(*other.LoadLogKeys("t1", {5}), ::testing::ElementsAre("keys"));
  EXPECT_THAT(other.LoadProgress("t1")->channels, ::testing::IsEmpty());
}

TEST(ImportContent, IsAllOrNothing) {
  InMemoryMetaStore from;
  for (const char* id : {"t1", "t2"}) {
    FillWith(&from, id);
  }
  const StoreContent content = *StoreContent::Read(&from);
  FailingStore to;
  FillWith(&to, "old");
  const std::string before = TextOf(&to);
  EXPECT_EQ(ImportContent(content, &to, false).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(TextOf(&to), before);
  to.Refuse("t2");
  const Status failed = ImportContent(content, &to, true);
  EXPECT_EQ(failed.code(), StatusCode::kUnavailable);
  EXPECT_THAT(failed.message(), HasSubstr("as it was before: disk full"));
  EXPECT_EQ(TextOf(&to), before);
  EXPECT_THAT(to.LoadProgress("t2")->channels, ::testing::IsEmpty());
  to.Refuse("");
  ASSERT_TRUE(ImportContent(content, &to, true).ok());
  EXPECT_EQ(TextOf(&to), content.Text());
}

}  // namespace
}  // namespace cdc
