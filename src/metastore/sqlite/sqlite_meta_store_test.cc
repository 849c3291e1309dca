#include "metastore/sqlite/sqlite_meta_store.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metastore/testing/temp_dir.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kSecret = "correct-horse";

TaskRecord MakeSecretTask(const std::string& id) {
  TaskRecord record;
  record.spec.id = id;
  record.spec.target.uri = "http://127.0.0.1:19530";
  record.spec.target.token = std::string("root:") + kSecret;
  record.spec.collection_infos = {{"*", {}, false}};
  record.spec.sink_mode = SinkMode::kApi;
  record.state = TaskState::kRunning;
  return record;
}

class SqliteMetaStoreTest : public ::testing::Test {
 protected:
  std::string path() const { return dir_.File("cdc.db"); }

  std::unique_ptr<MetaStore> MustOpen() {
    Result<std::unique_ptr<MetaStore>> store = OpenSqliteMetaStore(path());
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    return store.ok() ? *std::move(store) : nullptr;
  }

  // Changes the closed file as only another program would.
  void RunSql(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  Status OpenStatus() { return OpenSqliteMetaStore(path()).status(); }

 private:
  TempDir dir_;
};

TEST_F(SqliteMetaStoreTest, SecondServerIsRefusedWithTheFirstOnesProcess) {
  const std::unique_ptr<MetaStore> store = MustOpen();
  const Status status = OpenStatus();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(path()), HasSubstr(std::to_string(getpid()))));
}

TEST_F(SqliteMetaStoreTest, AnotherProcessIsRefused) {
  const std::unique_ptr<MetaStore> store = MustOpen();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    _exit(OpenSqliteMetaStore(path()).status().code() == StatusCode::kFailedPrecondition ? 7 : 1);
  }
  int state = 0;
  ASSERT_EQ(waitpid(child, &state, 0), child);
  ASSERT_TRUE(WIFEXITED(state));
  EXPECT_EQ(WEXITSTATUS(state), 7);
}

TEST_F(SqliteMetaStoreTest, OpensAgainAfterItsHolderWasKilled) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Result<std::unique_ptr<MetaStore>> store = OpenSqliteMetaStore(path());
    if (store.ok() && (*store)->PutTask(MakeSecretTask("t1")).ok()) {
      kill(getpid(), SIGKILL);  // no destructor runs
    }
    _exit(1);
  }
  int state = 0;
  ASSERT_EQ(waitpid(child, &state, 0), child);
  ASSERT_TRUE(WIFSIGNALED(state));
  const std::unique_ptr<MetaStore> store = MustOpen();
  ASSERT_NE(store, nullptr);
  const auto tasks = store->ListTasks();
  ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
  ASSERT_THAT(*tasks, SizeIs(1));
  EXPECT_EQ(tasks->front().spec.id, "t1");
}

TEST_F(SqliteMetaStoreTest, OnlyTheOwnerMayReadTheFiles) {
  std::ofstream(path()).close();
  std::filesystem::permissions(path(), std::filesystem::perms(0644));
  const std::unique_ptr<MetaStore> store = MustOpen();
  ASSERT_TRUE(store->PutTask(MakeSecretTask("t1")).ok());
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    struct stat info{};
    ASSERT_EQ(stat((path() + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777, 0600U) << suffix;
  }
}

TEST_F(SqliteMetaStoreTest, NewerSchemaIsRefused) {
  MustOpen().reset();
  RunSql("PRAGMA user_version = 7");
  const Status status = OpenStatus();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(path()), HasSubstr("newer"), HasSubstr("7 > 6")));
}

TEST_F(SqliteMetaStoreTest, EarlierSchemaIsRefusedWithTheCure) {
  MustOpen().reset();
  RunSql("PRAGMA user_version = 1");
  const Status status = OpenStatus();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr(path()), HasSubstr("earlier build"), HasSubstr("earliest")));
}

TEST_F(SqliteMetaStoreTest, FileThatIsNoDatabaseIsDataLoss) {
  std::ofstream(path()) << std::string(8192, 'x');
  const Status status = OpenStatus();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(path()));
}

TEST_F(SqliteMetaStoreTest, DatabaseOfAnotherProgramIsLeftAlone) {
  RunSql("CREATE TABLE t(x)");
  const Status status = OpenStatus();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr(path()));
}

TEST_F(SqliteMetaStoreTest, OverwrittenPageIsDataLoss) {
  {
    const std::unique_ptr<MetaStore> store = MustOpen();
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(
          store->SaveCheckpoints("t", {{"c" + std::to_string(i), MsgId{"id"}, {1}, {}}}).ok());
    }
    ASSERT_TRUE(store->PutTask(MakeSecretTask("t")).ok());
  }
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    file << std::string(4096 * 6, '\x5a');
  }
  const Status status = OpenStatus();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr(path()));
}

struct Damage {
  const char* sql;
  const char* told;
};

class DamagedTaskTest : public SqliteMetaStoreTest, public ::testing::WithParamInterface<Damage> {};

TEST_P(DamagedTaskTest, IsDataLossThatNamesFileAndTaskButNoSecret) {
  {
    const std::unique_ptr<MetaStore> store = MustOpen();
    ASSERT_TRUE(store->PutTask(MakeSecretTask("t1")).ok());
  }
  RunSql(GetParam().sql);
  const std::unique_ptr<MetaStore> store = MustOpen();
  const Status list = store->ListTasks().status();
  EXPECT_EQ(list.code(), StatusCode::kDataLoss);
  EXPECT_THAT(list.message(), AllOf(HasSubstr(path()), HasSubstr("t1"), HasSubstr(GetParam().told),
                                    Not(HasSubstr(kSecret))));
  // The store still works: the statement was ended properly.
  EXPECT_TRUE(store->DeleteTask("t1").ok());
  EXPECT_TRUE(store->ListTasks().ok());
}

INSTANTIATE_TEST_SUITE_P(
    All,
    DamagedTaskTest,
    ::testing::Values(
        Damage{"UPDATE tasks SET spec = substr(spec, 1, length(spec) - 60)", "no JSON"},
        Damage{"UPDATE tasks SET spec = '{}'", "version"},
        Damage{"UPDATE tasks SET spec = '[]'", "damaged"},
        Damage{"UPDATE tasks SET spec = json_set(spec, '$.target.port', 1.5e20)", "damaged"},
        Damage{"UPDATE tasks SET spec = replace(spec, '\"version\":1', '\"version\":3')", "3 > 2"},
        Damage{"UPDATE tasks SET spec = replace(spec, '\"latest\"', '\"soon\"')", "soon"},
        // Without its mode nobody could tell how the target has to be written.
        Damage{"UPDATE tasks SET spec = json_remove(spec, '$.sink_mode')", "sink_mode"},
        Damage{"UPDATE tasks SET spec = json_set(spec, '$.sink_mode', 'auto')", "auto"},
        Damage{"UPDATE tasks SET spec = json_set(spec, '$.sink_mode', 'carrier pigeon')", "pigeon"},
        Damage{"UPDATE tasks SET state = 9", "state 9"}));

TEST_F(SqliteMetaStoreTest, DamagedTaskNamesTheCure) {
  {
    const std::unique_ptr<MetaStore> store = MustOpen();
    ASSERT_TRUE(store->PutTask(MakeSecretTask("t1")).ok());
  }
  RunSql("UPDATE tasks SET spec = json_remove(spec, '$.sink_mode')");
  EXPECT_THAT(MustOpen()->ListTasks().status().message(),
              AllOf(HasSubstr("task t1 is damaged: "), HasSubstr("move the file away"),
                    HasSubstr("start_from earliest")));
}

TEST_F(SqliteMetaStoreTest, DamagedCheckpointIsDataLoss) {
  {
    const std::unique_ptr<MetaStore> store = MustOpen();
    ASSERT_TRUE(store->PutTask(MakeSecretTask("t1")).ok());
    ASSERT_TRUE(store->SaveCheckpoints("t1", {{"dml_0", MsgId{"id"}, {1}, {MsgId{"x"}}}}).ok());
  }
  RunSql("UPDATE checkpoints SET applied = x'ff000000aa'");
  const Status status = MustOpen()->LoadProgress("t1").status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(path()), HasSubstr("dml_0")));
}

TEST_F(SqliteMetaStoreTest, ProgressWithoutATaskIsGoneAfterAReopen) {
  {
    const std::unique_ptr<MetaStore> store = MustOpen();
    ASSERT_TRUE(store->SaveCheckpoints("never-stored", {{"a", MsgId{"1"}, {1}, {}}}).ok());
  }
  const auto progress = MustOpen()->LoadProgress("never-stored");
  ASSERT_TRUE(progress.ok());
  EXPECT_TRUE(progress->channels.empty());
}

TEST_F(SqliteMetaStoreTest, MissingFolderIsAClearError) {
  const Status status = OpenSqliteMetaStore(path() + "/no/such/cdc.db").status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("/no/such/cdc.db"));
}

TEST_F(SqliteMetaStoreTest, FileHeldByAReaderStillTakesWrites) {
  const std::unique_ptr<MetaStore> store = MustOpen();
  ASSERT_TRUE(store->PutTask(MakeSecretTask("t1")).ok());
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &reader), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(reader, "BEGIN; SELECT * FROM tasks", nullptr, nullptr, nullptr),
            SQLITE_OK);
  EXPECT_TRUE(store->PutTask(MakeSecretTask("t2")).ok());
  sqlite3_close(reader);
}

}  // namespace
}  // namespace cdc
