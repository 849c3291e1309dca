#include "server/metastore_command.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "metastore/sqlite/sqlite.h"
#include "metastore/sqlite/sqlite_meta_store.h"
#include "metastore/testing/temp_dir.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class MetaStoreCommandTest : public ::testing::Test {
 protected:
  int Run(const std::string& store, std::vector<std::string> arguments) {
    const std::string config = dir_.File(store + ".yaml");
    std::ofstream(config) << "metaStoreConfig:\n  storeType: sqlite\n  sqlitePath: "
                          << dir_.File(store) << "\n  keyFile: '" << key_file_ << "'\n";
    out_.str("");
    err_.str("");
    return RunMetaStoreCommand(arguments, config, {}, {.out = &out_, .err = &err_});
  }

  void MakeStore(const std::string& name, const std::string& task) {
    auto store = OpenSqliteMetaStore(dir_.File(name));
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    TaskRecord record;
    record.spec.id = task;
    record.spec.sink_mode = SinkMode::kReplicate;
    record.spec.target.password = "s3cret";
    ASSERT_TRUE((*store)->PutTask(record).ok());
    ASSERT_TRUE((*store)->SaveCheckpoints(task, {{"dml_0", MsgId{"\xff"}, {7}, {}}}).ok());
  }

  std::vector<std::string> TasksOf(const std::string& name) {
    auto store = OpenSqliteMetaStore(dir_.File(name));
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    std::vector<std::string> ids;
    const auto tasks = (*store)->ListTasks();
    EXPECT_TRUE(tasks.ok()) << tasks.status().ToString();
    for (const TaskRecord& task : tasks.ok() ? *tasks : std::vector<TaskRecord>{}) {
      ids.push_back(task.spec.id);
    }
    return ids;
  }

  TempDir dir_;
  std::string key_file_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(MetaStoreCommandTest, ExportsToStandardOutputOrAFileOfItsOwner) {
  MakeStore("a.db", "t1");
  ASSERT_EQ(Run("a.db", {"export"}), 0) << err_.str();
  const std::string text = out_.str();
  EXPECT_THAT(text, HasSubstr("s3cret"));
  EXPECT_THAT(err_.str(), HasSubstr("1 task, 1 checkpoint"));
  const std::string file = dir_.File("export");
  ASSERT_EQ(Run("a.db", {"export", "--output", file}), 0) << err_.str();
  EXPECT_THAT(out_.str(), IsEmpty());
  EXPECT_EQ(*ReadFile(file), text);
  EXPECT_EQ(std::filesystem::status(file).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(MetaStoreCommandTest, ImportsIntoAnEmptyStoreOrReplaces) {
  MakeStore("a.db", "t1");
  MakeStore("b.db", "t2");
  const std::string file = dir_.File("export");
  ASSERT_EQ(Run("a.db", {"export", "--output", file}), 0) << err_.str();
  EXPECT_EQ(Run("b.db", {"import", file}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("not empty: 1 task"));
  EXPECT_THAT(err_.str(), HasSubstr("--replace"));
  EXPECT_THAT(TasksOf("b.db"), ::testing::ElementsAre("t2"));
  EXPECT_EQ(Run("b.db", {"import", file, "--replace"}), 0) << err_.str();
  EXPECT_EQ(Run("c.db", {"import", file}), 0) << err_.str();
  for (const char* store : {"b.db", "c.db"}) {
    ASSERT_EQ(Run(store, {"export"}), 0) << err_.str();
    EXPECT_EQ(out_.str(), *ReadFile(file));
  }
}

TEST_F(MetaStoreCommandTest, RefusesAStoreInUseAndOneThatIsNotThere) {
  EXPECT_EQ(Run("a.db", {"export"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("there is no metastore file"));
  EXPECT_FALSE(std::filesystem::exists(dir_.File("a.db")));
  auto store = OpenSqliteMetaStore(dir_.File("a.db"));
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(Run("a.db", {"export"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("in use by another server"));
}

TEST_F(MetaStoreCommandTest, EncryptsAWholeStoreByAnExportAndAnImport) {
  MakeStore("a.db", "t1");
  const std::string file = dir_.File("export");
  ASSERT_EQ(Run("a.db", {"export", "--output", file}), 0) << err_.str();
  ASSERT_THAT(*ReadFile(dir_.File("a.db")), HasSubstr("s3cret"));
  const std::string keys = dir_.File("keys");
  ASSERT_TRUE(WritePrivateFile(keys, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").ok());
  key_file_ = keys;
  ASSERT_EQ(Run("b.db", {"import", file}), 0) << err_.str();
  EXPECT_THAT(*ReadFile(dir_.File("b.db")),
              AllOf(HasSubstr("sealed:1:"), Not(HasSubstr("s3cret"))));
  ASSERT_EQ(Run("b.db", {"export"}), 0) << err_.str();
  EXPECT_EQ(out_.str(), *ReadFile(file));
  EXPECT_EQ(Run("b.db", {"check"}), 0) << err_.str();
  key_file_ = "";
  EXPECT_EQ(Run("b.db", {"export"}), 1);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("the password of task t1"),
                                HasSubstr("set metaStoreConfig.keyFile")));
  key_file_ = dir_.File("none");
  EXPECT_EQ(Run("b.db", {"export"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("metaStoreConfig.keyFile: cannot read the key file"));
}

TEST_F(MetaStoreCommandTest, RefusesADamagedExportBeforeItTouchesTheStore) {
  const std::string file = dir_.File("export");
  std::ofstream(file) << "no export\n";
  EXPECT_EQ(Run("a.db", {"import", file, "--replace"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr(file + ": not an export of a metastore"));
  EXPECT_FALSE(std::filesystem::exists(dir_.File("a.db")));
}

TEST_F(MetaStoreCommandTest, ChecksAFileWithoutChangingIt) {
  EXPECT_EQ(Run("a.db", {"check"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("there is no metastore file"));
  MakeStore("a.db", "t1");
  const auto content = [this] {
    std::map<std::string, std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(dir_.File("."))) {
      files[file.path().filename()] = *ReadFile(file.path());
    }
    return files;
  };
  ASSERT_EQ(Run("a.db", {"check"}), 0);  // writes its own configuration
  const auto before = content();
  EXPECT_EQ(Run("a.db", {"check"}), 0) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("owner         none"), HasSubstr("1 task, 1 checkpoint"),
                                HasSubstr("damaged       nothing")));
  EXPECT_EQ(content(), before);
  EXPECT_EQ(Run("a.db", {"forget-legacy"}), 0) << err_.str();
  EXPECT_THAT(err_.str(), HasSubstr("there are no records of an earlier program"));
}

TEST_F(MetaStoreCommandTest, ChecksAFileThatAServerUses) {
  MakeStore("a.db", "t1");
  auto store = OpenSqliteMetaStore(dir_.File("a.db"));
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE((*store)->SaveCheckpoints("t1", {{"dml_1", MsgId{"x"}, {7}, {}}}).ok());
  ASSERT_TRUE((*store)->SaveCheckpoints("t2", {{"dml_1", MsgId{"x"}, {7}, {}}}).ok());
  EXPECT_EQ(Run("a.db", {"check"}), 0) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("process " + std::to_string(getpid())),
                                HasSubstr("1 task, 2 checkpoints"), HasSubstr("1 records of t2")));
}

TEST_F(MetaStoreCommandTest, NamesWhatIsDamagedInAFile) {
  MakeStore("a.db", "t1");
  {
    sqlite::Database database;
    ASSERT_TRUE(database.Open(dir_.File("a.db")).ok());
    ASSERT_TRUE(database.Run("UPDATE tasks SET spec = '{\"password\":s3cret'").ok());
  }
  EXPECT_EQ(Run("a.db", {"check"}), 4) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("damaged       1 records"), HasSubstr("task t1: "),
                                HasSubstr("cure: "), Not(HasSubstr("s3cret"))));
}

TEST_F(MetaStoreCommandTest, SaysHowItIsUsed) {
  EXPECT_EQ(Run("a.db", {}), 2);
  EXPECT_EQ(Run("a.db", {"import"}), 2);
  EXPECT_EQ(Run("a.db", {"--help"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("export"));
  EXPECT_EQ(Run("a.db", {"export", "--config", dir_.File("none")}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("there is no such file"));
}

}  // namespace
}  // namespace cdc
