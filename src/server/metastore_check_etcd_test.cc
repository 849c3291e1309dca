#include <fstream>
#include <functional>
#include <istream>
#include <map>
#include <memory>
#include <sstream>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etcd/etcd_writer.h"
#include "etcd/testing/etcd_process.h"
#include "metastore/etcd/etcd_meta_store.h"
#include "metastore/mysql/mysql_connection.h"
#include "metastore/mysql/mysql_meta_store.h"
#include "metastore/mysql/testing/mariadb_process.h"
#include "metastore/testing/temp_dir.h"
#include "server/metastore_command.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kOk = 0;
constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kUnreachable = 3;
constexpr int kDamaged = 4;

constexpr const char* kOldTask =
    R"({"TaskID":"old","MilvusConnectParam":{"uri":"http://10.0.0.2:19530"},"State":2})";
constexpr const char* kOldPositions = R"({"ch":{"Time":5,"DataPair":{"key":"ch","data":"eA=="}}})";

// A place in which a store may be, of one kind, with keys as anybody may write them there.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::string Configuration() const = 0;
  virtual Result<std::unique_ptr<MetaStore>> Open() = 0;
  virtual void PutRecord(const std::string& key, const std::string& value) = 0;
  virtual void PutOldTask() = 0;
  // One more task of the earlier program, or another position of its first one.
  virtual void PutOldTaskNamed(const std::string& id) = 0;
  virtual void MoveOldPosition() = 0;
  // The number of those of the earlier program, here and in a place whose name begins alike.
  virtual size_t OldRecords() = 0;
};

class EtcdPlace final : public Place {
 public:
  EtcdPlace() : process_(EtcdProcess::Start()) {
    EXPECT_TRUE(process_.ok()) << process_.status().ToString();
    options_.endpoints = {(*process_)->endpoint()};
    writer_ = *NewEtcdWriter(options_);
  }
  std::string Configuration() const override {
    return "storeType: etcd, rootPath: cdc, etcd: {address: ['" + options_.endpoints[0] + "']}";
  }
  Result<std::unique_ptr<MetaStore>> Open() override {
    return OpenEtcdMetaStore({.etcd = options_, .root_path = "cdc", .name = "server one"}, {});
  }
  void PutRecord(const std::string& key, const std::string& value) override {
    Put("cdc/milvus-cdc/records/" + key, value);
  }
  void PutOldTask() override {
    Put("cdc/task_info/old", kOldTask);
    Put("cdc/task_position/old/7",
        std::string(R"({"TaskID":"old","CollectionID":7,"Positions":)") + kOldPositions + "}");
    Put("cdc2/task_info/old", kOldTask);
  }
  void PutOldTaskNamed(const std::string& id) override { Put("cdc/task_info/" + id, kOldTask); }
  void MoveOldPosition() override { Put("cdc/task_position/old/7", "{}"); }
  size_t OldRecords() override {
    size_t found = 0;
    for (const char* prefix : {"cdc/task_", "cdc2/task_"}) {
      found += writer_->Range(PrefixRange(prefix), {}, {})->kvs.size();
    }
    return found;
  }

 private:
  void Put(const std::string& key, const std::string& value) {
    EXPECT_TRUE(writer_->Txn({.puts = {{.key = key, .value = value}}}, {})->succeeded);
  }

  Result<std::unique_ptr<EtcdProcess>> process_;
  EtcdOptions options_;
  std::unique_ptr<EtcdWriter> writer_;
};

class MysqlPlace final : public Place {
 public:
  MysqlPlace()
      : root_("check" + std::to_string(++places)), options_((*SharedMariadb())->options()) {}
  std::string Configuration() const override {
    return "storeType: mysql, rootPath: " + root_ + ", mysqlSourceUrl: " + YamlUrlOf(options_);
  }
  Result<std::unique_ptr<MetaStore>> Open() override {
    return OpenMysqlMetaStore({.mysql = options_, .root_path = root_, .name = "server one"}, {});
  }
  void PutRecord(const std::string& key, const std::string& value) override {
    Run("REPLACE INTO milvus_cdc_record VALUES ('" + root_ + "', '" + key + "', 0, '" + value +
        "')");
  }
  void PutOldTask() override {
    Run("CREATE TABLE IF NOT EXISTS task_info (task_info_key VARCHAR(255) PRIMARY KEY, "
        "task_id VARCHAR(255), task_info_value JSON)");
    Run("CREATE TABLE IF NOT EXISTS task_position (task_position_key VARCHAR(255) PRIMARY KEY, "
        "task_id VARCHAR(255), collection_id BIGINT, collection_name VARCHAR(255), "
        "task_position_value JSON)");
    for (const std::string& root : {root_, root_ + "x"}) {
      Run("INSERT INTO task_info VALUES ('" + root + "/task_info/old', 'old', '" + kOldTask + "')");
    }
    Run("INSERT INTO task_position VALUES ('" + root_ + "/task_position/old/7', 'old', 7, 'c', '" +
        kOldPositions + "')");
  }
  void PutOldTaskNamed(const std::string& id) override {
    Run("INSERT INTO task_info VALUES ('" + root_ + "/task_info/" + id + "', '" + id + "', '" +
        kOldTask + "')");
  }
  void MoveOldPosition() override {
    Run("UPDATE task_position SET task_position_value = '{}' WHERE task_position_key = '" + root_ +
        "/task_position/old/7'");
  }
  size_t OldRecords() override {
    const MysqlResult found =
        Run("SELECT task_info_key FROM task_info WHERE task_info_key LIKE '" + root_ +
            "%' UNION SELECT task_position_key FROM task_position WHERE task_position_key LIKE '" +
            root_ + "%'");
    return found.rows.size();
  }

 private:
  inline static int places = 0;

  MysqlResult Run(const std::string& statement) {
    EXPECT_TRUE(connection_.Open().ok());
    const Result<MysqlResult> result = connection_.Execute(statement);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result.ok() ? *result : MysqlResult{};
  }

  const std::string root_;
  const MysqlOptions options_;
  MysqlConnection connection_{options_};
};

// Answers yes, after something has happened.
class LateYes final : public std::streambuf {
 public:
  explicit LateYes(std::function<void()> before) : before_(std::move(before)) {}

 protected:
  int_type underflow() override {
    if (before_) {
      std::exchange(before_, nullptr)();
      setg(yes_.data(), yes_.data(), yes_.data() + yes_.size());
      return traits_type::to_int_type(yes_[0]);
    }
    return traits_type::eof();
  }

 private:
  std::function<void()> before_;
  std::string yes_ = "yes\n";
};

class MetaStoreCheckTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "Etcd") {
      if (!HasEtcdBinary()) {
        GTEST_SKIP() << "NOT TESTED: etcd is not installed";
      }
      place_ = std::make_unique<EtcdPlace>();
    } else {
      if (!HasMariadb()) {
        GTEST_SKIP() << "NOT TESTED: MariaDB is not installed";
      }
      ASSERT_TRUE(SharedMariadb().ok()) << SharedMariadb().status().ToString();
      place_ = std::make_unique<MysqlPlace>();
    }
    std::ofstream(dir_.File("cdc.yaml"))
        << "metaStoreConfig: {" << place_->Configuration() << "}\n";
  }

  int Run(const std::vector<std::string>& arguments, std::istream* answers = nullptr) {
    out_.str("");
    err_.str("");
    return RunMetaStoreCommand(arguments, dir_.File("cdc.yaml"), {},
                               {.out = &out_, .err = &err_, .in = answers});
  }

  std::unique_ptr<MetaStore> Open() {
    auto store = place_->Open();
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    return store.ok() ? *std::move(store) : nullptr;
  }

  static void PutTask(MetaStore* store, const std::string& id) {
    TaskRecord task;
    task.spec.id = id;
    task.spec.sink_mode = SinkMode::kApi;
    task.spec.target.password = "s3cret";
    ASSERT_TRUE(store->PutTask(task).ok());
    ASSERT_TRUE(store->SaveCheckpoints(id, {{"ch", MsgId{"x"}, {7}, {}}}).ok());
  }

  TempDir dir_;
  std::unique_ptr<Place> place_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_P(MetaStoreCheckTest, SaysWhatThereIsWhileAServerUsesIt) {
  EXPECT_EQ(Run({"check"}), kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("there is no metastore in"));
  const auto store = Open();
  PutTask(store.get(), "t1");
  EXPECT_EQ(Run({"check"}), kOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("version       1"), HasSubstr("owner         server one"),
                                HasSubstr("1 task, 1 checkpoint"),
                                HasSubstr("damaged       nothing"), Not(HasSubstr("old records"))));
  PutTask(store.get(), "t2");
  EXPECT_TRUE(store->CheckOwned().ok());
}

TEST_P(MetaStoreCheckTest, NamesEveryRecordThatCannotBeRead) {
  {
    const auto store = Open();
    PutTask(store.get(), "t1");
    PutTask(store.get(), "t2");
  }
  place_->PutRecord("task/t2", R"({"password":"s3cret"})");
  place_->PutRecord("progress/t1/checkpoint/ch", "s3cret");
  place_->PutRecord("progress/gone/checkpoint/ch", "s3cret");
  place_->PutRecord("strange/x", "s3cret");
  EXPECT_EQ(Run({"check"}), kDamaged) << err_.str();
  EXPECT_THAT(out_.str(),
              AllOf(HasSubstr("owner         none"), HasSubstr("damaged       3 records"),
                    HasSubstr("task/t2: "), HasSubstr("progress/t1/checkpoint/ch: no JSON"),
                    HasSubstr("strange/x: nothing of this kind is known"), HasSubstr("cure: "),
                    HasSubstr("1 records of gone"), Not(HasSubstr("s3cret"))));
  place_->PutRecord("version", "2");
  EXPECT_EQ(Run({"check"}), kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("written by a newer program"));
}

TEST_P(MetaStoreCheckTest, ForgetsWhatIsTakenOver) {
  place_->PutOldTask();
  EXPECT_EQ(Run({"check"}), kOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("version       no store has begun yet"),
                                HasSubstr("the first start here takes them over")));
  EXPECT_EQ(Run({"forget-legacy", "--yes"}), kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("is taken over yet"));
  EXPECT_EQ(place_->OldRecords(), 3U);
  {
    const auto store = Open();
    EXPECT_EQ(Run({"check"}), kOk) << err_.str();
    EXPECT_THAT(out_.str(),
                HasSubstr("1 tasks, 1 positions of an earlier program: all its tasks are"));
    // A server has the store.
    EXPECT_EQ(Run({"forget-legacy", "--yes"}), kRefused);
    EXPECT_THAT(err_.str(), HasSubstr("is in use by a server"));
    EXPECT_EQ(place_->OldRecords(), 3U);
  }
  EXPECT_EQ(Run({"forget-legacy"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--yes"));
  std::istringstream no("no\n");
  EXPECT_EQ(Run({"forget-legacy"}, &no), kRefused);
  EXPECT_EQ(place_->OldRecords(), 3U);
  std::istringstream yes("yes\n");
  EXPECT_EQ(Run({"forget-legacy"}, &yes), kOk) << err_.str();
  EXPECT_THAT(err_.str(),
              AllOf(HasSubstr("1 tasks and 1 positions"), HasSubstr("removed 2 records")));
  EXPECT_EQ(place_->OldRecords(), 1U) << "that of another root path stays";
  EXPECT_EQ(Run({"check"}), kOk) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("1 task, 1 checkpoint"), Not(HasSubstr("old records"))));
  EXPECT_EQ(Run({"forget-legacy", "--yes"}), kOk) << err_.str();
  EXPECT_THAT(err_.str(), HasSubstr("there are no records of an earlier program"));
}

// The earlier program still runs: its records are more than those that were checked.
TEST_P(MetaStoreCheckTest, KeepsWhatHasChangedMeanwhile) {
  place_->PutOldTask();
  Open().reset();
  const auto refused = [this](const std::function<void()>& meanwhile, size_t left) {
    LateYes answer(meanwhile);
    std::istream in(&answer);
    EXPECT_EQ(Run({"forget-legacy", "--all"}, &in), kRefused);
    EXPECT_THAT(err_.str(), HasSubstr("have changed since they were checked"));
    EXPECT_THAT(err_.str(), HasSubstr("stop that program"));
    EXPECT_EQ(place_->OldRecords(), left);
  };
  refused([this] { place_->PutOldTaskNamed("new"); }, 4);
  refused([this] { place_->MoveOldPosition(); }, 4);
  EXPECT_EQ(Run({"forget-legacy", "--all", "--yes"}), kOk) << err_.str();
  EXPECT_EQ(place_->OldRecords(), 1U);
}

TEST_P(MetaStoreCheckTest, KeepsWhatMayBeAllThatIsLeftOfATask) {
  place_->PutOldTask();
  Open().reset();
  place_->PutRecord("task/old", "{broken");
  EXPECT_EQ(Run({"check"}), kDamaged) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("are taken over"), Not(HasSubstr("forget-legacy"))));
  EXPECT_EQ(Run({"forget-legacy", "--yes", "--all"}), kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("cannot be read"));
  EXPECT_EQ(place_->OldRecords(), 3U);
}

TEST_P(MetaStoreCheckTest, SecretsWithoutTheirKeyAreDamage) {
  {
    const auto store = Open();
    PutTask(store.get(), "t1");
    EXPECT_EQ(Run({"check"}), kOk) << err_.str();
    TaskRecord sealed;
    sealed.spec.id = "t2";
    sealed.spec.sink_mode = SinkMode::kApi;
    sealed.spec.target.uri = "http://h:1";
    sealed.spec.target.token = "sealed:1:k:AA==";
    ASSERT_TRUE(store->PutTask(sealed).ok());
  }
  EXPECT_EQ(Run({"check"}), kDamaged) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("task t2: the token of task t2: it is encrypted"),
                                Not(HasSubstr("AA=="))));
}

TEST_P(MetaStoreCheckTest, KeepsWhatMayNeverHaveBeenTakenOver) {
  {
    const auto store = Open();
    PutTask(store.get(), "t1");
  }
  place_->PutOldTask();
  EXPECT_EQ(Run({"check"}), kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("not here: old"));
  EXPECT_EQ(Run({"forget-legacy", "--yes"}), kRefused);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("--all"), HasSubstr(" old")));
  EXPECT_EQ(place_->OldRecords(), 3U);
  EXPECT_EQ(Run({"forget-legacy", "--yes", "--all"}), kOk) << err_.str();
  EXPECT_EQ(place_->OldRecords(), 1U);
  EXPECT_THAT(out_.str(), IsEmpty());
}

TEST(UnreachableStoreTest, HasItsOwnExitCode) {
  const TempDir dir;
  for (const char* store :
       {"storeType: etcd, rootPath: cdc, etcd: {address: ['127.0.0.1:1']}",
        "storeType: mysql, rootPath: cdc, mysqlSourceUrl: 'u:p@tcp(127.0.0.1:1)/d'"}) {
    std::ofstream(dir.File("cdc.yaml")) << "metaStoreConfig: {" << store << "}\n";
    for (const char* command : {"check", "export"}) {
      std::ostringstream out;
      EXPECT_EQ(
          RunMetaStoreCommand({command}, dir.File("cdc.yaml"), {}, {.out = &out, .err = &out}),
          kUnreachable)
          << command << " " << store << "\n"
          << out.str();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds,
                         MetaStoreCheckTest,
                         ::testing::Values("Etcd", "Mysql"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace cdc
