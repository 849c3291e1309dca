#pragma once

// The contract of MetaStore: one suite for every store and the fake. A test program includes this
// once and instantiates MetaStoreContractTest with its kind of store.

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metastore/meta_store.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TaskRecord MakeTask(const std::string& id) {
  TaskRecord record;
  record.spec.id = id;
  record.spec.target = {.uri = "https://10.0.0.2:19530",
                        .token = "root:se\"cret\n",
                        .host = "h",
                        .port = 19530,
                        .enable_tls = true,
                        .username = "u",
                        .password = "p",
                        .channel_num = 16,
                        .connect_timeout = 10,
                        .ignore_partition = true,
                        .tls = {"s", "/ca", "/cert", "/key"}};
  record.spec.target_identity = "1795702273584745960";
  record.spec.collection_infos = {{"c1", {{"by-dev-rootcoord-dml_0_1v0", "AQI="}}, true}};
  record.spec.db_collections = {{"*", {{"*", {}, false}}}, {"db1", {{"ü", {}, true}}}};
  record.spec.exclude = {"tmp_*", "db2.?"};
  record.spec.left_to_older = {{"default.foo", {}}, {"db1.*", {{"db1.a", {}}, {"db1.b", {}}}}};
  record.spec.start_from = StartFrom::kEarliest;
  record.spec.snapshot = {
      .from = SnapshotFrom::kQuery, .index = SnapshotIndex::kBefore, .log = SnapshotLog::kApply};
  record.spec.on_expired = OnExpired::kSnapshot;
  record.spec.on_collection_error = OnCollectionError::kPause;
  record.spec.on_undecodable = OnUndecodable::kSkip;
  record.spec.sink_mode = SinkMode::kReplicate;
  record.spec.sink_mode_reason = "the target is a standby";
  record.spec.disable_auto_start = true;
  record.spec.name_mapping = {{"db1", "db2", {}}, {"default", "x", {{"ü", "v"}}}};
  record.spec.sync_index = false;
  record.spec.sync_load = false;
  record.spec.enable_user_role = true;
  record.spec.dry_run = true;
  record.state = TaskState::kPaused;
  record.reason = "manually pause";
  return record;
}

void ExpectEqual(const TaskRecord& actual, const TaskRecord& expected) {
  EXPECT_EQ(actual.spec.id, expected.spec.id);
  EXPECT_EQ(actual.spec.target.uri, expected.spec.target.uri);
  EXPECT_EQ(actual.spec.target.token, expected.spec.target.token);
  EXPECT_EQ(actual.spec.target.host, expected.spec.target.host);
  EXPECT_EQ(actual.spec.target.port, expected.spec.target.port);
  EXPECT_EQ(actual.spec.target.enable_tls, expected.spec.target.enable_tls);
  EXPECT_EQ(actual.spec.target.username, expected.spec.target.username);
  EXPECT_EQ(actual.spec.target.password, expected.spec.target.password);
  EXPECT_EQ(actual.spec.target.channel_num, expected.spec.target.channel_num);
  EXPECT_EQ(actual.spec.target.connect_timeout, expected.spec.target.connect_timeout);
  EXPECT_EQ(actual.spec.target.ignore_partition, expected.spec.target.ignore_partition);
  EXPECT_EQ(actual.spec.target.tls, expected.spec.target.tls);
  EXPECT_EQ(actual.spec.target_identity, expected.spec.target_identity);
  EXPECT_EQ(actual.spec.collection_infos, expected.spec.collection_infos);
  EXPECT_EQ(actual.spec.db_collections, expected.spec.db_collections);
  EXPECT_EQ(actual.spec.exclude, expected.spec.exclude);
  EXPECT_EQ(actual.spec.left_to_older, expected.spec.left_to_older);
  EXPECT_EQ(actual.spec.start_from, expected.spec.start_from);
  EXPECT_EQ(actual.spec.snapshot, expected.spec.snapshot);
  EXPECT_EQ(actual.spec.on_expired, expected.spec.on_expired);
  EXPECT_EQ(actual.spec.on_collection_error, expected.spec.on_collection_error);
  EXPECT_EQ(actual.spec.on_undecodable, expected.spec.on_undecodable);
  EXPECT_EQ(actual.spec.sink_mode, expected.spec.sink_mode);
  EXPECT_EQ(actual.spec.sink_mode_reason, expected.spec.sink_mode_reason);
  EXPECT_EQ(actual.spec.disable_auto_start, expected.spec.disable_auto_start);
  EXPECT_EQ(actual.spec.name_mapping, expected.spec.name_mapping);
  EXPECT_EQ(actual.spec.sync_index, expected.spec.sync_index);
  EXPECT_EQ(actual.spec.sync_load, expected.spec.sync_load);
  EXPECT_EQ(actual.spec.enable_user_role, expected.spec.enable_user_role);
  EXPECT_EQ(actual.spec.dry_run, expected.spec.dry_run);
  EXPECT_EQ(actual.state, expected.state);
  EXPECT_EQ(actual.reason, expected.reason);
}

// Bytes that no text type would preserve.
MsgId RawId(char last) { return MsgId{std::string("\0\xff\x80", 3) + last}; }

using OpenStore = std::function<Result<std::unique_ptr<MetaStore>>()>;

struct StoreKind {
  const char* name;
  // Whether a store that is opened again has its content.
  bool durable;
  // Makes an empty place and returns what opens the store there.
  std::function<OpenStore()> new_place;
};

class MetaStoreContractTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    open_ = GetParam().new_place();
    if (open_ == nullptr) {
      GTEST_SKIP() << "NOT TESTED: the store's server is not installed";
    }
    Open();
  }

  void Open() {
    Result<std::unique_ptr<MetaStore>> store = open_();
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
  }

  // A restart, if the store survives one.
  void Reopen() {
    if (GetParam().durable) {
      store_.reset();
      Open();
    }
  }

  MetaStore& store() { return *store_; }

  MetaStore::Progress Load(const std::string& task) {
    Result<MetaStore::Progress> progress = store().LoadProgress(task);
    EXPECT_TRUE(progress.ok()) << progress.status().ToString();
    return progress.ok() ? *std::move(progress) : MetaStore::Progress{};
  }

 private:
  OpenStore open_;
  std::unique_ptr<MetaStore> store_;
};

TEST_P(MetaStoreContractTest, KeepsEveryPartOfATask) {
  const TaskRecord task = MakeTask("t1");
  ASSERT_TRUE(store().PutTask(task).ok());
  Reopen();
  const Result<std::vector<TaskRecord>> found = store().ListTasks();
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  ASSERT_THAT(*found, SizeIs(1));
  ExpectEqual(found->front(), task);
}

TEST_P(MetaStoreContractTest, UnknownTaskIsNoError) {
  const Result<std::vector<TaskRecord>> found = store().ListTasks();
  ASSERT_TRUE(found.ok());
  EXPECT_THAT(*found, IsEmpty());
  EXPECT_TRUE(store().DeleteTask("t1").ok());
  EXPECT_THAT(Load("t1").channels, IsEmpty());
}

TEST_P(MetaStoreContractTest, PutReplaces) {
  TaskRecord task = MakeTask("t1");
  ASSERT_TRUE(store().PutTask(task).ok());
  task.state = TaskState::kRunning;
  task.reason.clear();
  ASSERT_TRUE(store().PutTask(task).ok());
  const Result<std::vector<TaskRecord>> tasks = store().ListTasks();
  ASSERT_TRUE(tasks.ok());
  ASSERT_THAT(*tasks, SizeIs(1));
  ExpectEqual(tasks->front(), task);
}

TEST_P(MetaStoreContractTest, ListsById) {
  for (const char* id : {"b", "a", "c'; DROP TABLE tasks; --"}) {
    ASSERT_TRUE(store().PutTask(MakeTask(id)).ok());
  }
  const Result<std::vector<TaskRecord>> tasks = store().ListTasks();
  ASSERT_TRUE(tasks.ok());
  std::vector<std::string> ids;
  for (const TaskRecord& task : *tasks) {
    ids.push_back(task.spec.id);
  }
  EXPECT_THAT(ids, ElementsAre("a", "b", "c'; DROP TABLE tasks; --"));
}

TEST_P(MetaStoreContractTest, KeepsRawIdsAndTheFullTimestamp) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  const ChannelCheckpoint first{
      "dml_0", RawId('a'), {0xfedcba9876543210}, {RawId('b'), MsgId{}}, {0xfedcba9876543211}};
  const ChannelCheckpoint second{"dml_1", MsgId{}, {0}, {}};
  ASSERT_TRUE(store().SaveCheckpoints("t1", {second, first}).ok());
  Reopen();
  const MetaStore::Progress progress = Load("t1");
  ASSERT_THAT(progress.channels, SizeIs(2));
  EXPECT_EQ(progress.channels[0].channel, "dml_0");
  EXPECT_EQ(progress.channels[0].position, first.position);
  EXPECT_EQ(progress.channels[0].ts, first.ts);
  EXPECT_EQ(progress.channels[0].applied, first.applied);
  EXPECT_EQ(progress.channels[0].horizon, first.horizon);
  EXPECT_EQ(progress.channels[1].channel, "dml_1");
  EXPECT_TRUE(progress.channels[1].position.empty());
}

TEST_P(MetaStoreContractTest, SavingSomeChannelsLeavesTheOthers) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  ASSERT_TRUE(
      store()
          .SaveCheckpoints("t1", {{"a", RawId('1'), {1}, {RawId('x')}}, {"b", RawId('2'), {2}, {}}})
          .ok());
  ASSERT_TRUE(store().SaveCheckpoints("t1", {{"a", RawId('3'), {3}, {}}}).ok());
  const MetaStore::Progress progress = Load("t1");
  ASSERT_THAT(progress.channels, SizeIs(2));
  EXPECT_EQ(progress.channels[0].ts, Timestamp{3});
  EXPECT_THAT(progress.channels[0].applied, IsEmpty());
  EXPECT_EQ(progress.channels[1].ts, Timestamp{2});
}

TEST_P(MetaStoreContractTest, KeepsCollections) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  ReplicatedCollection collection{
      {9'007'199'254'740'993}, {"db1", "c"},         {"db2", "d"},
      {"dml_3", "dml_1"},      {0xf000000000000001}, {{"dml_1", RawId('s')}, {"dml_3", MsgId{}}}};
  ASSERT_TRUE(store().PutCollection("t1", collection).ok());
  collection.skip_until.erase("dml_3");
  collection.on_target = true;
  collection.seen_on_target = true;
  collection.may_hold_until = {0xf000000000000002};
  collection.renamed_from = CollectionName{"db0", "old"};
  collection.partitions = {{{7}, "p"}, {{8}, "q"}};
  ASSERT_TRUE(store().PutCollection("t1", collection).ok());
  ASSERT_TRUE(store().PutCollection("t1", {{5}, {"a", "b"}, {"a", "b"}, {}, {1}, {}}).ok());
  Reopen();
  MetaStore::Progress progress = Load("t1");
  ASSERT_THAT(progress.collections, SizeIs(2));
  EXPECT_EQ(progress.collections[0].id, CollectionId{5});
  const ReplicatedCollection& kept = progress.collections[1];
  EXPECT_EQ(kept.id, collection.id);
  EXPECT_EQ(kept.source, collection.source);
  EXPECT_EQ(kept.target, collection.target);
  EXPECT_EQ(kept.pchannels, collection.pchannels);
  EXPECT_EQ(kept.created, collection.created);
  EXPECT_EQ(kept.on_target, collection.on_target);
  EXPECT_EQ(kept.seen_on_target, collection.seen_on_target);
  EXPECT_EQ(kept.may_hold_until, collection.may_hold_until);
  EXPECT_EQ(kept.renamed_from, collection.renamed_from);
  EXPECT_EQ(kept.partitions, collection.partitions);
  EXPECT_EQ(kept.skip_until, collection.skip_until);

  ASSERT_TRUE(store().RemoveCollection("t1", collection.id).ok());
  ASSERT_TRUE(store().RemoveCollection("t1", {77}).ok());
  EXPECT_THAT(Load("t1").collections, SizeIs(1));
}

TEST_P(MetaStoreContractTest, KeepsTheKeysOfALogUntilItsCopyIsDone) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  SnapshotProgress copy{.collection = {5}, .log = CopyLog::kApplied};
  SnapshotProgress other{.collection = {6}, .log = CopyLog::kApplied};
  ASSERT_TRUE(store().PutSnapshot("t1", copy).ok());
  ASSERT_TRUE(store().PutSnapshot("t1", other).ok());
  const auto save = [&](const std::string& keys) {
    return store().SaveCheckpoints("t1",
                                   {{.channel = "dml_0",
                                     .position = RawId('a'),
                                     .ts = {7},
                                     .applied = {},
                                     .log_keys = {{{5}, keys}, {{6}, "x"}, {{7}, "of no copy"}}}});
  };
  ASSERT_TRUE(save(std::string("a\0b", 3)).ok());
  ASSERT_TRUE(save("c").ok());
  Reopen();
  EXPECT_THAT(Load("t1").channels.at(0).log_keys, IsEmpty());
  EXPECT_THAT(*store().LoadLogKeys("t1", {5}), ElementsAre(std::string("a\0b", 3), "c"));
  EXPECT_THAT(*store().LoadLogKeys("t1", {7}), IsEmpty());
  // They survive a change of something else.
  ASSERT_TRUE(store().ReplaceProgress("t1", Load("t1")).ok());
  EXPECT_THAT(*store().LoadLogKeys("t1", {5}), SizeIs(2));
  copy.done = true;
  ASSERT_TRUE(store().PutSnapshot("t1", copy).ok());
  ASSERT_TRUE(save("late").ok());
  EXPECT_THAT(*store().LoadLogKeys("t1", {5}), IsEmpty());
  EXPECT_THAT(*store().LoadLogKeys("t1", {6}), SizeIs(3));
  // Another copy begins without them.
  MetaStore::Progress again = Load("t1");
  again.snapshots = {{.collection = {6}}};
  ASSERT_TRUE(store().ReplaceProgress("t1", again).ok());
  EXPECT_THAT(*store().LoadLogKeys("t1", {6}), IsEmpty());
}

TEST_P(MetaStoreContractTest, ATaskIsReplacedWithItsProgressAndForgetsWhatIsLeftOut) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  ASSERT_TRUE(store().PutTask(MakeTask("t2")).ok());
  for (const char* task : {"t1", "t2"}) {
    for (const int64_t id : {5, 6}) {
      ASSERT_TRUE(store().PutCollection(task, {.id = {id}, .pchannels = {"c"}}).ok());
      ASSERT_TRUE(store().PutSnapshot(task, {.collection = {id}, .segments = {1}}).ok());
    }
    ASSERT_TRUE(store().PutDatabase(task, "d").ok());
    ASSERT_TRUE(store().PutDatabase(task, "e").ok());
    ASSERT_TRUE(store().SaveCheckpoints(task, {{.channel = "c", .ts = {7}}}).ok());
  }
  TaskRecord changed = MakeTask("t1");
  changed.spec.exclude = {"something"};
  changed.state = TaskState::kPaused;
  MetaStore::Progress progress = Load("t1");
  progress.channels.clear();
  progress.databases = {"e", "f"};
  std::erase_if(progress.collections, [](const auto& each) { return each.id.value == 5; });
  std::erase_if(progress.snapshots, [](const auto& each) { return each.collection.value == 5; });
  ASSERT_TRUE(store().ReplaceTask(changed, progress).ok());
  Reopen();
  const auto tasks = store().ListTasks();
  ASSERT_TRUE(tasks.ok());
  EXPECT_THAT((*tasks)[0].spec.exclude, ElementsAre("something"));
  EXPECT_EQ((*tasks)[0].state, TaskState::kPaused);
  EXPECT_EQ((*tasks)[0].spec.target.token, MakeTask("t1").spec.target.token);
  const MetaStore::Progress after = Load("t1");
  EXPECT_THAT(after.channels, IsEmpty());
  EXPECT_THAT(after.databases, ElementsAre("e", "f"));
  ASSERT_THAT(after.collections, SizeIs(1));
  EXPECT_EQ(after.collections[0].id.value, 6);
  ASSERT_THAT(after.snapshots, SizeIs(1));
  EXPECT_THAT(after.snapshots[0].segments, ElementsAre(1));
  // Another task keeps what it has.
  EXPECT_THAT(Load("t2").collections, SizeIs(2));
  EXPECT_THAT(Load("t2").databases, ElementsAre("d", "e"));
  EXPECT_THAT(Load("t2").channels, SizeIs(1));
}

TEST_P(MetaStoreContractTest, ACopyDoesNotHaveThePartitionsOfAnEarlierOne) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  const auto partitions = [&](std::set<std::string> names, bool replace) {
    const SnapshotProgress copy{.collection = {5},
                                .selection = {.partitions = std::move(names), .filter = {}}};
    MetaStore::Progress progress = Load("t1");
    progress.snapshots = {copy};
    EXPECT_TRUE(
        (replace ? store().ReplaceProgress("t1", progress) : store().PutSnapshot("t1", copy)).ok());
    Reopen();
    return Load("t1").snapshots.at(0).selection.partitions;
  };
  for (const bool replace : {true, false}) {
    EXPECT_THAT(partitions({"p", "q"}, replace), ElementsAre("p", "q"));
    EXPECT_THAT(partitions({"q"}, replace), ElementsAre("q"));
    EXPECT_THAT(partitions({}, replace), IsEmpty());
  }
}

TEST_P(MetaStoreContractTest, KeepsSnapshots) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  SnapshotProgress snapshot{
      .collection = {9'007'199'254'740'993},
      .selection = {.partitions = {"p", "q"}, .filter = "price > 10 and name == \"ü\""},
      .takeover = {{"dml_0_1v0", {RawId('a'), {0xf000000000000001}, {0xf000000000000002}}},
                   {"dml_1_1v1", {MsgId{}, {2}}}},
      .begun = false,
      .done = false,
      .segments = {}};
  ASSERT_TRUE(store().PutSnapshot("t1", snapshot).ok());
  snapshot.begun = true;
  snapshot.segments = {470729803981594208};
  ASSERT_TRUE(store().PutSnapshot("t1", snapshot).ok());
  snapshot.segments = {5};
  snapshot.log = CopyLog::kApplied;
  snapshot.expected_seconds = 70;
  snapshot.queue_seconds = 80;
  snapshot.rows = 7;
  snapshot.bytes = 8;
  ASSERT_TRUE(store().PutSnapshot("t1", snapshot).ok());
  ASSERT_TRUE(store().PutSnapshot("t1", {.collection = {5}, .done = true}).ok());
  Reopen();
  snapshot.segments = {5, 470729803981594208};
  EXPECT_THAT(Load("t1").snapshots,
              ElementsAre(SnapshotProgress{.collection = {5}, .done = true}, snapshot));
  ASSERT_TRUE(store().RemoveCollection("t1", {5}).ok());
  EXPECT_THAT(Load("t1").snapshots, ElementsAre(snapshot));
  ASSERT_TRUE(store().DeleteTask("t1").ok());
  EXPECT_THAT(Load("t1").snapshots, IsEmpty());
}

TEST_P(MetaStoreContractTest, KeepsReplaysUntilTheyAreOver) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  ChannelCheckpoint again{"a", RawId('1'), {1}, {}, {}};
  again.replay = {.others = {{0xf000000000000001}, {0xf000000000000002}},
                  .others_position = RawId('o'),
                  .collections = {{{470729803981594208}, {{1}, {7}}}, {{5}, {{2}, {0}}}}};
  ASSERT_TRUE(store().SaveCheckpoints("t1", {again, {"b", RawId('2'), {2}, {}}}).ok());
  Reopen();
  ASSERT_THAT(Load("t1").channels, SizeIs(2));
  EXPECT_EQ(Load("t1").channels[0].replay, again.replay);
  EXPECT_EQ(Load("t1").channels[1].replay, std::nullopt);
  again.replay->collections.erase({5});
  ASSERT_TRUE(store().SaveCheckpoints("t1", {again}).ok());
  EXPECT_EQ(Load("t1").channels[0].replay, again.replay);
  again.replay.reset();
  ASSERT_TRUE(store().SaveCheckpoints("t1", {again}).ok());
  EXPECT_EQ(Load("t1").channels[0].replay, std::nullopt);
}

TEST_P(MetaStoreContractTest, ReplacesProgressAsAWhole) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  ASSERT_TRUE(store()
                  .SaveCheckpoints("t1", {{"a", RawId('1'), {1}, {RawId('x')}}, {"b", {}, {2}, {}}})
                  .ok());
  ASSERT_TRUE(store().PutCollection("t1", {{5}, {"d", "c"}, {"d", "c"}, {"a"}, {1}, {}}).ok());
  ASSERT_TRUE(store()
                  .PutSnapshot("t1", {.collection = {5},
                                      .takeover = {{"a_5v0", {RawId('p'), {3}}}},
                                      .begun = true,
                                      .segments = {1, 2}})
                  .ok());
  MetaStore::Progress progress = Load("t1");
  progress.channels.pop_back();
  progress.channels[0].ts = {9};
  progress.snapshots = {{.collection = {5}}};
  const AsideCollection aside{.collection = {5},
                              .name = {"d", "c"},
                              .reason = "no",
                              .since_unix_ms = 77,
                              .left_at = {{"a", {RawId('q'), {0xf000000000000001}}}}};
  progress.aside = {aside, {.collection = {6}}};
  progress.collections[0].may_hold_until = {42};
  ASSERT_TRUE(store().ReplaceProgress("t1", progress).ok());
  Reopen();
  const MetaStore::Progress loaded = Load("t1");
  ASSERT_THAT(loaded.channels, SizeIs(1));
  EXPECT_EQ(loaded.channels[0].ts, Timestamp{9});
  EXPECT_EQ(loaded.channels[0].applied, std::vector<MsgId>{RawId('x')});
  EXPECT_THAT(loaded.snapshots, ElementsAre(SnapshotProgress{.collection = {5}}));
  EXPECT_THAT(loaded.aside, ElementsAre(aside, AsideCollection{.collection = {6}}));
  ASSERT_THAT(loaded.collections, SizeIs(1));
  EXPECT_EQ(loaded.collections[0].may_hold_until, Timestamp{42});
  ASSERT_TRUE(store().RemoveCollection("t1", {5}).ok());
  EXPECT_THAT(Load("t1").aside, SizeIs(1));
  ASSERT_TRUE(store().DeleteTask("t1").ok());
  EXPECT_THAT(Load("t1").aside, IsEmpty());
}

TEST_P(MetaStoreContractTest, KeepsDatabases) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  for (const char* name : {"b", "a", "a"}) {
    ASSERT_TRUE(store().PutDatabase("t1", name).ok());
  }
  Reopen();
  EXPECT_THAT(Load("t1").databases, ElementsAre("a", "b"));
  ASSERT_TRUE(store().RemoveDatabase("t1", "a").ok());
  ASSERT_TRUE(store().RemoveDatabase("t1", "a").ok());
  EXPECT_THAT(Load("t1").databases, ElementsAre("b"));
}

TEST_P(MetaStoreContractTest, KeepsUsersAndRoles) {
  const AccessItem grant = AccessItem::Grant("r", "Collection", "default", "c", "Insert");
  const AccessSet all{AccessItem::Role("r"), AccessItem::User("u"), AccessItem::UserRole("u", "r"),
                      grant};
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  ASSERT_TRUE(store().PutAccess("t1", all).ok());
  ASSERT_TRUE(store().PutAccess("t1", {grant}).ok());
  Reopen();
  EXPECT_EQ(Load("t1").access, all);
  EXPECT_THAT(Load("t2").access, IsEmpty());
  ASSERT_TRUE(store().RemoveAccess("t1", {grant, AccessItem::User("u")}).ok());
  ASSERT_TRUE(store().RemoveAccess("t1", {grant}).ok());
  EXPECT_THAT(Load("t1").access,
              UnorderedElementsAre(AccessItem::Role("r"), AccessItem::UserRole("u", "r")));
  ASSERT_TRUE(store().DeleteTask("t1").ok());
  EXPECT_THAT(Load("t1").access, IsEmpty());
}

TEST_P(MetaStoreContractTest, KeepsTheSource) {
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  EXPECT_EQ(Load("t1").source, "");
  ASSERT_TRUE(store().PutSource("t1", "100").ok());
  ASSERT_TRUE(store().PutSource("t1", "200").ok());
  Reopen();
  EXPECT_EQ(Load("t1").source, "200");
  ASSERT_TRUE(store().DeleteTask("t1").ok());
  EXPECT_EQ(Load("t1").source, "");
}

TEST_P(MetaStoreContractTest, DeleteTakesTheProgressOfThatTaskOnly) {
  for (const char* id : {"t1", "t2"}) {
    ASSERT_TRUE(store().PutTask(MakeTask(id)).ok());
    ASSERT_TRUE(store().SaveCheckpoints(id, {{"a", RawId('1'), {1}, {}}}).ok());
    ASSERT_TRUE(store().PutCollection(id, {{5}, {"a", "b"}, {"a", "b"}, {"a"}, {1}, {}}).ok());
    ASSERT_TRUE(store().PutDatabase(id, "db1").ok());
  }
  ASSERT_TRUE(store().DeleteTask("t1").ok());
  Reopen();
  EXPECT_THAT(Load("t1").channels, IsEmpty());
  EXPECT_THAT(Load("t1").collections, IsEmpty());
  EXPECT_THAT(Load("t1").databases, IsEmpty());
  EXPECT_THAT(Load("t2").databases, ElementsAre("db1"));
  EXPECT_THAT(Load("t2").channels, SizeIs(1));
  ASSERT_THAT(Load("t2").collections, SizeIs(1));
  EXPECT_THAT(Load("t2").collections[0].pchannels, ElementsAre("a"));
}

TEST_P(MetaStoreContractTest, TakesProgressBeforeItsTask) {
  ASSERT_TRUE(store().SaveCheckpoints("t1", {{"a", RawId('1'), {1}, {}}}).ok());
  ASSERT_TRUE(store().PutTask(MakeTask("t1")).ok());
  Reopen();
  EXPECT_THAT(Load("t1").channels, SizeIs(1));
}

TEST_P(MetaStoreContractTest, TakesCallsFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kCalls = 10;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([this, i] {
        const std::string id = "t" + std::to_string(i);
        EXPECT_TRUE(store().PutTask(MakeTask(id)).ok());
        for (uint64_t ts = 1; ts <= kCalls; ++ts) {
          EXPECT_TRUE(store().SaveCheckpoints(id, {{"a", RawId('1'), {ts}, {}}}).ok());
          EXPECT_TRUE(store().ListTasks().ok());
        }
      });
    }
  }
  for (int i = 0; i < kThreads; ++i) {
    const MetaStore::Progress progress = Load("t" + std::to_string(i));
    ASSERT_THAT(progress.channels, SizeIs(1));
    EXPECT_EQ(progress.channels[0].ts, Timestamp{kCalls});
  }
}

inline std::string NameOf(const ::testing::TestParamInfo<StoreKind>& kind) {
  return kind.param.name;
}

}  // namespace
}  // namespace cdc
