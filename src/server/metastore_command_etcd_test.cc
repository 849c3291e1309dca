#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "etcd/testing/etcd_process.h"
#include "metastore/etcd/etcd_meta_store.h"
#include "metastore/mysql/testing/mariadb_process.h"
#include "metastore/sqlite/sqlite_meta_store.h"
#include "metastore/testing/temp_dir.h"
#include "server/metastore_command.h"

namespace cdc {
namespace {

TaskRecord FullTask(const std::string& id) {
  TaskRecord task;
  task.spec.id = id;
  task.spec.sink_mode = SinkMode::kReplicate;
  task.spec.target.uri = "https://10.0.0.2:19530";
  task.spec.target.token = "root:se\"cret\n";
  task.spec.db_collections = {{"*", {{"*", {}, false}}}, {"db1", {{"ü", {}, true}}}};
  task.spec.exclude = {"tmp_*"};
  task.state = TaskState::kPaused;
  task.reason = "manually pause";
  return task;
}

// Something of each kind that a store holds.
void Fill(MetaStore* store, const std::string& id) {
  ASSERT_TRUE(store->PutTask(FullTask(id)).ok());
  ASSERT_TRUE(
      store
          ->ReplaceProgress(
              id, {.channels = {{"dml_0", MsgId{std::string("\0\xff", 2)}, {7}, {MsgId{"x"}}, {9}},
                                {"dml_1", MsgId{"b"}, {8}, {}}},
                   .collections = {{{9'007'199'254'740'993},
                                    {"db1", "c"},
                                    {"db2", "d"},
                                    {"dml_3", "dml_1"},
                                    {0xf000000000000001},
                                    {{"dml_1", MsgId{"\xfe"}}}}},
                   .snapshots = {{.collection = {5},
                                  .takeover = {{"dml_0_1v0", {MsgId{"p"}, {3}}}},
                                  .begun = true,
                                  .segments = {1, 470729803981594208},
                                  .log = CopyLog::kApplied},
                                 {.collection = {6}, .done = true}},
                   .aside = {{.collection = {6},
                              .name = {"d", "c"},
                              .reason = "no",
                              .since_unix_ms = 77,
                              .left_at = {{"dml_0", {MsgId{"q"}, {4}}}}}}})
          .ok());
  for (const char* keys : {"z\xff", "a", "m"}) {
    ASSERT_TRUE(store
                    ->SaveCheckpoints(id, {{.channel = "dml_1",
                                            .position = MsgId{"c"},
                                            .ts = {9},
                                            .applied = {},
                                            .log_keys = {{{5}, keys}}}})
                    .ok());
  }
  ASSERT_TRUE(store->PutSource(id, "1795702273584745960").ok());
  ASSERT_TRUE(store->PutDatabase(id, "db/1").ok());
  ASSERT_TRUE(store->PutAccess(id, {AccessItem::Role("r"), AccessItem::UserRole("u", "r")}).ok());
}

class TransferTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasEtcdBinary()) {
      GTEST_SKIP() << "NOT TESTED: etcd is not installed";
    }
    auto etcd = EtcdProcess::Start();
    ASSERT_TRUE(etcd.ok()) << etcd.status().ToString();
    etcd_ = *std::move(etcd);
    Write("sqlite.yaml", "storeType: sqlite, sqlitePath: " + dir_.File("a.db"));
    Write("back.yaml", "storeType: sqlite, sqlitePath: " + dir_.File("b.db"));
    Write("etcd.yaml",
          "storeType: etcd, rootPath: cdc, etcd: {address: ['" + etcd_->endpoint() + "']}");
  }

  void Write(const std::string& file, const std::string& store) {
    std::ofstream(dir_.File(file)) << "metaStoreConfig: {" << store << "}\n";
  }

  int Run(const std::string& config, const std::vector<std::string>& arguments) {
    err_.str("");
    out_.str("");
    return RunMetaStoreCommand(arguments, dir_.File(config), {}, {.out = &out_, .err = &err_});
  }

  static std::string MysqlStoreOf(const std::string& root) {
    return "storeType: mysql, rootPath: " + root +
           ", mysqlSourceUrl: " + YamlUrlOf((*SharedMariadb())->options());
  }

  TempDir dir_;
  std::unique_ptr<EtcdProcess> etcd_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(TransferTest, ThroughAllKindsOfStoresGivesTheSameBytes) {
  if (!HasMariadb()) {
    GTEST_SKIP() << "NOT TESTED: MariaDB is not installed";
  }
  ASSERT_TRUE(SharedMariadb().ok()) << SharedMariadb().status().ToString();
  Write("mysql.yaml", MysqlStoreOf("transfer"));
  {
    auto store = OpenSqliteMetaStore(dir_.File("a.db"));
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    Fill(store->get(), "t1");
    Fill(store->get(), "c'; DROP TABLE tasks; --");
  }
  const std::string first = dir_.File("1");
  const std::string second = dir_.File("2");
  const std::string third = dir_.File("3");
  const std::string fourth = dir_.File("4");
  ASSERT_EQ(Run("sqlite.yaml", {"export", "--output", first}), 0) << err_.str();
  ASSERT_EQ(Run("mysql.yaml", {"import", first}), 0) << err_.str();
  ASSERT_EQ(Run("mysql.yaml", {"export", "--output", second}), 0) << err_.str();
  ASSERT_EQ(Run("etcd.yaml", {"import", second}), 0) << err_.str();
  ASSERT_EQ(Run("etcd.yaml", {"export", "--output", third}), 0) << err_.str();
  ASSERT_EQ(Run("back.yaml", {"import", third}), 0) << err_.str();
  ASSERT_EQ(Run("back.yaml", {"export", "--output", fourth}), 0) << err_.str();
  const std::string text = *ReadFile(first);
  EXPECT_EQ(*ReadFile(second), text);
  EXPECT_EQ(*ReadFile(third), text);
  EXPECT_EQ(*ReadFile(fourth), text);
  EXPECT_THAT(text, ::testing::HasSubstr("log_keys/"));
  EXPECT_THAT(err_.str(), ::testing::HasSubstr("2 tasks, 4 checkpoints, 2 collections, 4 copies"));
}

TEST_F(TransferTest, AnExportDoesNotTakeOverWhatAnEarlierProgramHas) {
  EXPECT_EQ(Run("etcd.yaml", {"export"}), 1);
  EXPECT_THAT(err_.str(), ::testing::HasSubstr("there is no metastore in etcd"));
  auto store = OpenEtcdMetaStore(
      {.etcd = {.endpoints = {etcd_->endpoint()}}, .root_path = "cdc", .if_new = NewStore::kRefuse},
      {});
  EXPECT_EQ(store.status().code(), StatusCode::kNotFound) << "the export has made one";
}

TEST_F(TransferTest, RefusesAStoreThatAServerUses) {
  auto store =
      OpenEtcdMetaStore({.etcd = {.endpoints = {etcd_->endpoint()}}, .root_path = "cdc"}, {});
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  EXPECT_EQ(Run("etcd.yaml", {"export"}), 1);
  EXPECT_THAT(err_.str(), ::testing::HasSubstr("is in use by a server"));
}

}  // namespace
}  // namespace cdc
