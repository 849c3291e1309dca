// What the facts mean for a new task: each finding of a plan.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/judge_source.h"
#include "pipeline/judge_stop_at.h"
#include "pipeline/judge_target_state.h"
#include "pipeline/testing/task_pipeline_fixture.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() {
    spec_.id = "t";
    spec_.target.uri = "http://h:1";
    spec_.db_collections = {{"default", {{.name = "*"}}}};
    spec_.sink_mode = SinkMode::kApi;
    facts_.target = TargetInfo{.version = "2.3.5", .deletes_by = ExpressionDialect::kMilvus};
    facts_.target_databases = std::vector<std::string>{"default"};
  }

  // A collection of the source that begins as a task with `start_from` earliest wants it to.
  CollectionFacts& Add(Collection collection, const std::string& target = "") {
    const CollectionName name{"default", collection.name};
    facts_.collections.push_back(
        {.match = {name, std::make_shared<const Collection>(std::move(collection))},
         .target = {"default", target.empty() ? name.collection : target},
         .start = StartFrom::kEarliest});
    return facts_.collections.back();
  }
  CollectionFacts& Add(const std::string& name) { return Add(MakeCollection(next_id_++, name, 5)); }

  static TargetCollection Same(const CollectionFacts& facts) {
    TargetCollection actual;
    actual.schema = facts.match.collection->schema;
    actual.partitions = {"_default"};
    actual.default_partition = "_default";
    return actual;
  }

  PlanItems Source() const { return JudgeSource(spec_, facts_); }
  PlanItems Target() const { return JudgeTargetState(spec_, facts_); }

  // The item with this text in its finding.
  static PlanItem Find(const PlanItems& items, const std::string& text) {
    const auto found = std::ranges::find_if(
        items, [&](const PlanItem& item) { return item.finding.find(text) != std::string::npos; });
    if (found != items.end()) {
      return *found;
    }
    std::string all;
    for (const PlanItem& item : items) {
      all += "\n" + item.finding;
    }
    ADD_FAILURE() << "no item with \"" << text << "\" among" << all;
    return {};
  }

  static void Expect(const PlanItem& item,
                     PlanSeverity severity,
                     const std::string& area,
                     const std::string& object,
                     const std::string& cure) {
    EXPECT_EQ(PlanSeverityName(item.severity), PlanSeverityName(severity)) << item.finding;
    EXPECT_EQ(item.area, area) << item.finding;
    EXPECT_EQ(item.object, object) << item.finding;
    EXPECT_THAT(item.cure, HasSubstr(cure)) << item.finding;
    EXPECT_EQ(item.cure.empty(), cure.empty()) << item.finding;
    EXPECT_EQ(item.refusal.ok(), severity != PlanSeverity::kError) << item.finding;
  }

  TaskSpec spec_;
  TaskFacts facts_{.catalog = std::shared_ptr<const Catalog>(std::make_shared<Catalog>())};
  int64_t next_id_ = 1;
};

TEST_F(JudgeTest, ASourceThatCannotBeReadIsTheOnlyThingToSayOfIt) {
  facts_.catalog = UnavailableError("etcd is away");
  const PlanItems items = Source();
  ASSERT_EQ(items.size(), 1U);
  Expect(items[0], PlanSeverity::kError, "source", "", "sourceConfig.etcd");
  EXPECT_EQ(FirstRefusal(items), UnavailableError("etcd is away"));
}

TEST_F(JudgeTest, APresentThatIsNotKnownRefuses) {
  facts_.present = UnavailableError("no time");
  EXPECT_EQ(FirstRefusal(Source()), UnavailableError("no time"));
}

TEST_F(JudgeTest, RowsFromTheBeginning) {
  CollectionFacts& c = Add("c");
  c.held[kChannel] = OkStatus();
  Expect(Find(Source(), "all its rows"), PlanSeverity::kOk, "rows", "default.c", "");
  c.held[kChannel] = OutOfRangeError("position expired: channel x 1 < 5");
  const PlanItems items = Source();
  Expect(Find(items, "collection default.c cannot be read from its start: position expired"),
         PlanSeverity::kError, "rows", "default.c", "start_from snapshot");
  EXPECT_EQ(FirstRefusal(items).code(), StatusCode::kOutOfRange);
  c.held[kChannel] = UnavailableError("no broker");
  Expect(Find(Source(), "no broker"), PlanSeverity::kError, "queue", "default.c", "queue runs");
}

TEST_F(JudgeTest, WhatIsNotKnownIsNotTold) {
  CollectionFacts& c = Add("c");
  // The source does not say where the collection begins.
  Expect(Find(Source(), "whether that still has all of them is not known"), PlanSeverity::kWarning,
         "rows", "default.c", "snapshot");
  c.start = StartFrom::kLatest;
  c.latest.emplace(kChannel, MsgId{});
  const auto expect_unknown = [this] {
    Expect(Find(Source(), "whether the queue still has all of it is not known"),
           PlanSeverity::kNote, "rows", "default.c", "snapshot");
  };
  expect_unknown();
  c.held[kChannel] = UnavailableError("no broker");
  expect_unknown();
  // Of one channel only.
  c.held[kChannel] = OkStatus();
  Collection two = *c.match.collection;
  two.pchannels.emplace_back(kOtherChannel);
  c.match.collection = std::make_shared<const Collection>(two);
  c.latest.emplace(kOtherChannel, MsgId{});
  expect_unknown();
  c.held[kChannel] = OutOfRangeError("position expired");
  EXPECT_EQ(Find(Source(), "does not have all of it any more").severity, PlanSeverity::kNote);
}

TEST_F(JudgeTest, AQueueThatHasAnsweredNothingDoesNotAnswer) {
  facts_.queue_kind = "Kafka";
  CollectionFacts& c = Add("c");
  c.given = GivenPositions{.collection = c.match.collection->id};  // of no channel
  c.held[kChannel] = UnavailableError("no broker");
  Expect(Find(Source(), "queue is Kafka, and it does not answer"), PlanSeverity::kWarning, "queue",
         "", "queue runs");
  c.held[kChannel] = OutOfRangeError("position expired");
  Expect(Find(Source(), "queue is Kafka, and it answers"), PlanSeverity::kOk, "queue", "", "");
  // The takeovers of a copy are asked for, too.
  c = CollectionFacts{.match = c.match, .target = c.target, .start = StartFrom::kSnapshot};
  c.copy = SnapshotProgress{.rows = 1, .bytes = 1};
  Expect(Find(Source(), "queue is Kafka, and it answers"), PlanSeverity::kOk, "queue", "", "");
}

TEST_F(JudgeTest, TheQueueIsNamedUnlessItFails) {
  facts_.queue_kind = "Kafka";
  Expect(Find(Source(), "queue is Kafka; nothing"), PlanSeverity::kOk, "queue", "", "");
  CollectionFacts& c = Add("c");
  c.held[kChannel] = OkStatus();
  Expect(Find(Source(), "queue is Kafka, and it answers"), PlanSeverity::kOk, "queue", "", "");
  c.held[kChannel] = UnavailableError("no broker");
  EXPECT_TRUE(std::ranges::none_of(Source(), [](const PlanItem& item) {
    return item.severity == PlanSeverity::kOk && item.area == "queue";
  }));
}

TEST_F(JudgeTest, OnlyNewRows) {
  CollectionFacts& c = Add("c");
  c.start = StartFrom::kLatest;
  c.latest.emplace(kChannel, MsgId{});
  c.held[kChannel] = OkStatus();
  Expect(Find(Source(), "still has all of it"), PlanSeverity::kNote, "rows", "default.c",
         "earliest");
  c.held[kChannel] = OutOfRangeError("position expired");
  Expect(Find(Source(), "any more"), PlanSeverity::kNote, "rows", "default.c", "snapshot");
  c.latest.clear();
  c.latest.emplace(kChannel, UnavailableError("no broker"));
  EXPECT_EQ(FirstRefusal(Source()), UnavailableError("no broker"));
}

TEST_F(JudgeTest, ATaskMustBeginBeforeItsEnd) {
  EXPECT_TRUE(JudgeStopAt(spec_, facts_).empty());
  spec_.stop_at = {100};
  facts_.present = Timestamp{99};
  const auto judged = [this] { return JudgeStopAt(spec_, facts_).at(0); };
  Expect(judged(), PlanSeverity::kNote, "rows", "", "");
  facts_.present = Timestamp{100};
  Expect(judged(), PlanSeverity::kError, "rows", "", "later stop_at");
  CollectionFacts& c = Add("c");
  c.start = StartFrom::kLatest;
  Expect(judged(), PlanSeverity::kError, "rows", "default.c", "start_from earliest");
  c.start = StartFrom::kSnapshot;
  Expect(judged(), PlanSeverity::kError, "rows", "default.c", "start_from earliest");
  facts_.present = Timestamp{99};
  Expect(judged(), PlanSeverity::kNote, "rows", "", "");
  c.start = StartFrom::kEarliest;
  facts_.present = Timestamp{1000};
  Expect(judged(), PlanSeverity::kNote, "rows", "", "");
  c.given = GivenPositions{.collection = {1}, .places = {{"v", {.position = {"p"}, .ts = {100}}}}};
  Expect(judged(), PlanSeverity::kError, "rows", "default.c", "earlier positions");
}

TEST_F(JudgeTest, StoredRows) {
  spec_.snapshot.log = SnapshotLog::kApply;
  CollectionFacts& c = Add("c");
  c.start = StartFrom::kSnapshot;
  c.copy = SnapshotProgress{.rows = 12, .bytes = 3400};
  const PlanItem copied = Find(Source(), "about 12 stored rows (3400 bytes) are copied");
  Expect(copied, PlanSeverity::kOk, "rows", "default.c", "");
  EXPECT_THAT(copied.finding, HasSubstr("is applied meanwhile"));
  c.copy = FailedPreconditionError("no storage");
  Expect(Find(Source(), "the stored rows of collection default.c cannot be copied: no storage"),
         PlanSeverity::kError, "rows", "default.c", "latest or earliest");
}

TEST_F(JudgeTest, GivenPositions) {
  CollectionFacts& c = Add("c");
  const std::string vchannel = c.match.collection->vchannels[0];
  c.given = GivenPositions{.collection = {1}, .places = {{vchannel, {}}}};
  c.held[vchannel] = OkStatus();
  Expect(Find(Source(), "from the given positions on"), PlanSeverity::kNote, "rows", "default.c",
         "");
  c.held[vchannel] = OutOfRangeError("position expired");
  Expect(Find(Source(), "cannot be read from the position given for " + vchannel),
         PlanSeverity::kError, "rows", "default.c", "for each");
  c.given = GivenPositions{.collection = {1}};
  EXPECT_THAT(FirstRefusal(Source()).message(), HasSubstr("lack channel " + vchannel));
  c.given = GivenPositions{.collection = {7}};
  EXPECT_THAT(FirstRefusal(Source()).message(), HasSubstr("those of collection 7"));
  c.given = InternalError("not base64");
  EXPECT_EQ(FirstRefusal(Source()), InternalError("not base64"));
}

TEST_F(JudgeTest, PositionsOfWhatIsNotThere) {
  spec_.db_collections = {
      {"default", {{.name = "gone", .positions = {{"by-dev-rootcoord-dml_0_1v0", "x"}}}}}};
  Expect(Find(Source(), "positions are given for default.gone"), PlanSeverity::kError, "rows",
         "default.gone", "leave them out");
}

TEST_F(JudgeTest, WrongNames) {
  spec_.db_collections = {{"default", {{.name = "typo"}}}};
  Expect(Find(Source(), "no collection of this name"), PlanSeverity::kWarning, "collection",
         "default.typo", "correct the name");
  spec_.db_collections = {{"*", {{.name = "*"}}}};
  Expect(Find(Source(), "no collection that the task would cover"), PlanSeverity::kWarning,
         "collection", "", "correct the names");
  Add("c");
  EXPECT_THAT(FirstRefusal(Source()), OkStatus());
}

TEST_F(JudgeTest, ATypeThatCannotBeReplicatedSetsAsideOrRefuses) {
  Add("good");
  Collection bad = MakeCollection(2, "bad", 5);
  bad.schema.fields.push_back({.name = "s", .type = DataType::kArrayOfStruct});
  Add(bad);
  const char* text = "is not supported: ArrayOfStruct";
  Expect(Find(Source(), text), PlanSeverity::kWarning, "collection", "default.bad", "exclude");
  EXPECT_TRUE(FirstRefusal(Source()).ok());
  spec_.on_collection_error = OnCollectionError::kPause;
  Expect(Find(Source(), text), PlanSeverity::kError, "collection", "default.bad", "exclude");
  spec_.on_collection_error = OnCollectionError::kSetAside;
  facts_.collections.erase(facts_.collections.begin());
  EXPECT_EQ(FirstRefusal(Source()).code(), StatusCode::kFailedPrecondition);
}

TEST_F(JudgeTest, OtherRefusalsOfTheRequest) {
  facts_.can_copy_expired = false;
  Expect(Find(Source(), "on_expired snapshot"), PlanSeverity::kError, "source", "",
         "sourceConfig.storage");
  facts_.can_copy_expired = true;
  facts_.replicate_begin = OutOfRangeError("rpc_channel_info.position: position expired");
  Expect(Find(Source(), "rpc_channel_info"), PlanSeverity::kError, "queue", "", "leave");
}

TEST_F(JudgeTest, WhatWouldBeCreated) {
  CollectionFacts& c = Add("c");
  c.target.database = "new";
  c.on_target = std::optional<TargetCollection>();
  Expect(Find(Target(), "database new would be created"), PlanSeverity::kOk, "target", "", "");
  Expect(Find(Target(), "created on the target as new.c, with 1 partition, 0 indexes"),
         PlanSeverity::kOk, "collection", "default.c", "");
}

TEST_F(JudgeTest, EachDifferenceOfASchemaIsAnItem) {
  CollectionFacts& c = Add("c");
  TargetCollection actual = Same(c);
  actual.schema.fields[0].type = DataType::kVarChar;
  actual.schema.fields.push_back({.name = "more", .type = DataType::kBool});
  c.on_target = std::optional(actual);
  Expect(Find(Target(), "field id: type is Int64 on the source, VarChar on the target"),
         PlanSeverity::kWarning, "schema", "default.c", "name_mapping");
  Expect(Find(Target(), "field more is missing on the source"), PlanSeverity::kWarning, "schema",
         "default.c", "exclude");
}

TEST_F(JudgeTest, AStandbyNeedsTheSameShards) {
  CollectionFacts& c = Add("c");
  TargetCollection actual = Same(c);
  actual.shards = 2;
  c.on_target = std::optional(actual);
  EXPECT_EQ(Find(Target(), "fits").severity, PlanSeverity::kNote);
  spec_.sink_mode = SinkMode::kReplicate;
  Expect(Find(Target(), "1 shards, the target has 2"), PlanSeverity::kWarning, "schema",
         "default.c", "rename");
}

TEST_F(JudgeTest, WhatIsThereAlready) {
  CollectionFacts& c = Add("c");
  TargetCollection actual = Same(c);
  actual.aliases = {"old_alias"};
  c.on_target = std::optional(actual);
  Expect(Find(Target(), "rows that only the target has stay"), PlanSeverity::kNote, "collection",
         "default.c", "");
  Expect(Find(Target(), "to make the two alike: "), PlanSeverity::kNote, "collection", "default.c",
         "sync_index");
  c.start = StartFrom::kSnapshot;
  Expect(Find(Target(), "dropped there and created anew"), PlanSeverity::kWarning, "collection",
         "default.c", "load it");
  actual.loaded = true;
  c.on_target = std::optional(actual);
  Expect(Find(Target(), "removes the rows that only the target has"), PlanSeverity::kWarning,
         "collection", "default.c", "name_mapping");
}

TEST_F(JudgeTest, NamesThatCollide) {
  Add(MakeCollection(1, "a", 5), "same");
  Add(MakeCollection(2, "b", 5), "same");
  Expect(Find(Target(), "wanted for default.a, default.b"), PlanSeverity::kWarning, "names",
         "default.same", "name_mapping");
  facts_.hidden_aliases[{"default", "alias"}] = {"default", "a"};
  Expect(Find(Target(), "alias alias is the name of a collection"), PlanSeverity::kWarning, "names",
         "default.a", "drop or rename");
}

TEST_F(JudgeTest, APartitionWithTheNameOfTheDefaultOne) {
  Collection source = MakeCollection(1, "c", 5);
  source.partitions.push_back({.id = {11}, .name = "main"});
  CollectionFacts& c = Add(source);
  TargetCollection actual = Same(c);
  actual.default_partition = "main";
  c.on_target = std::optional(actual);
  Expect(Find(Target(), "partition main of default.c has the name"), PlanSeverity::kWarning,
         "names", "default.c", "ignore_partition");
}

TEST_F(JudgeTest, WhatTheTargetIsTooOldFor) {
  Collection source = MakeCollection(1, "c", 5);
  source.schema.fields.push_back({.name = "half", .type = DataType::kFloat16Vector});
  Add(source);
  Expect(Find(Target(), "field half: Float16Vector needs Milvus 2.4"), PlanSeverity::kWarning,
         "schema", "default.c", "upgrade");
}

TEST_F(JudgeTest, ATargetThatDoesNotTell) {
  facts_.target_databases = Status(StatusCode::kPermissionDenied, "not for you");
  Expect(Find(Target(), "not for you"), PlanSeverity::kWarning, "target", "", "rights");
  facts_.target_databases = std::vector<std::string>{"default"};
  Add("c").on_target = Status(StatusCode::kPermissionDenied, "nor this");
  Expect(Find(Target(), "nor this"), PlanSeverity::kWarning, "collection", "default.c", "right");
  facts_.not_compared = 3;
  EXPECT_EQ(Find(Target(), "3 collections were not, or not with all aliases, looked for").severity,
            PlanSeverity::kNote);
  facts_.look_ended = DeadlineExceededError("no answer within 5 s");
  Expect(Find(Target(), "on the target: no answer within 5 s"), PlanSeverity::kWarning,
         "collection", "", "healthy");
}

TEST_F(JudgeTest, WithoutATargetNothingIsSaidOfIt) {
  facts_.target.reset();
  facts_.target_databases.reset();
  Add("c");
  EXPECT_THAT(Target(), IsEmpty());
}

TEST_F(JudgeTest, UsersAndRoles) {
  spec_.enable_user_role = true;
  EXPECT_EQ(Find(Target(), "keeps no users and roles").severity, PlanSeverity::kNote);
  Catalog catalog;
  catalog.access = std::make_shared<const Access>(
      Access{.items = {AccessItem::User("alice"), AccessItem::Role("reader"),
                       AccessItem::Grant("reader", "Collection", "elsewhere", "x", "Search")}});
  facts_.catalog = std::shared_ptr<const Catalog>(std::make_shared<Catalog>(catalog));
  facts_.target_access = AccessSet();
  Expect(Find(Target(), "only the source has the users alice"), PlanSeverity::kWarning, "access",
         "", "with any password");
  EXPECT_EQ(Find(Target(), "2 would be replicated").severity, PlanSeverity::kOk);
  EXPECT_EQ(Find(Target(), "1 grant is of what the task does not cover").severity,
            PlanSeverity::kNote);
  facts_.target_access = Status(StatusCode::kPermissionDenied, "no admin");
  Expect(Find(Target(), "no admin"), PlanSeverity::kWarning, "access", "", "token");
}

}  // namespace
}  // namespace cdc
