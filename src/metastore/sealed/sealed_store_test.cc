#include "metastore/sealed/sealed_store.h"

#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "metastore/sqlite/sqlite_meta_store.h"
#include "metastore/testing/temp_dir.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kFirst = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr const char* kSecond = "/////////////////////////////////////////////////w==";
constexpr const char* kThird = "//////////////////////////////////////////8=";

class SealedStoreTest : public ::testing::Test {
 protected:
  std::string KeyFile(const std::string& text, mode_t mode = 0600) {
    const std::string file = dir_.File("keys");
    std::ofstream(file) << text;
    EXPECT_EQ(chmod(file.c_str(), mode), 0);
    return file;
  }

  SecretKeys Keys(const std::string& text) {
    auto keys = SecretKeys::Read(KeyFile(text));
    EXPECT_TRUE(keys.ok()) << keys.status().ToString();
    return keys.ok() ? *std::move(keys) : SecretKeys();
  }

  std::string Refusal(const std::string& text, mode_t mode = 0600) {
    const Status status = SecretKeys::Read(KeyFile(text, mode)).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    return status.message();
  }

  std::unique_ptr<MetaStore> OpenPlain() {
    auto store = OpenSqliteMetaStore(dir_.File("cdc.db"));
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    return *std::move(store);
  }

  std::unique_ptr<MetaStore> OpenSealed(SecretKeys keys) {
    auto store = SealSecrets(OpenPlain(), std::move(keys));
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    return *std::move(store);
  }

  Status OpenError(SecretKeys keys) { return SealSecrets(OpenPlain(), std::move(keys)).status(); }

  static TaskRecord Task(const std::string& id) {
    TaskRecord task;
    task.spec.id = id;
    task.spec.sink_mode = SinkMode::kApi;
    task.spec.target.uri = "http://h:1";
    task.spec.target.token = "root:s3cret";
    return task;
  }

  // What the store below has as the token of its first task.
  std::string Stored() { return OpenPlain()->ListTasks()->at(0).spec.target.token; }

  TempDir dir_;
};

TEST_F(SealedStoreTest, TheStoreBelowNeverSeesASecret) {
  ASSERT_TRUE(OpenSealed(Keys(kFirst))->PutTask(Task("t")).ok());
  const std::string once = Stored();
  EXPECT_THAT(once, AllOf(StartsWith("sealed:1:"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(*ReadFile(dir_.File("cdc.db")), Not(HasSubstr("s3cret")));
  EXPECT_EQ(OpenSealed(Keys(kFirst))->ListTasks()->at(0).spec.target.token, "root:s3cret");
  EXPECT_EQ(OpenSealed(Keys(kFirst))->ListTasks()->at(0).spec.target.password, "");
  ASSERT_TRUE(OpenSealed(Keys(kFirst))->PutTask(Task("t")).ok());
  EXPECT_NE(Stored(), once) << "a nonce must not be used twice";
}

TEST_F(SealedStoreTest, EncryptsWhatIsStoredInClear) {
  ASSERT_TRUE(OpenPlain()->PutTask(Task("t")).ok());
  EXPECT_EQ(OpenSealed({})->ListTasks()->at(0).spec.target.token, "root:s3cret");
  EXPECT_EQ(Stored(), "root:s3cret") << "without keys";
  EXPECT_EQ(OpenSealed(Keys(kFirst))->ListTasks()->at(0).spec.target.token, "root:s3cret");
  const std::string sealed = Stored();
  EXPECT_THAT(sealed, StartsWith("sealed:1:"));
  OpenSealed(Keys(kFirst));
  EXPECT_EQ(Stored(), sealed) << "once is enough";
}

TEST_F(SealedStoreTest, ANewKeyIsPutBeforeTheOldOne) {
  ASSERT_TRUE(OpenSealed(Keys(kFirst))->PutTask(Task("t")).ok());
  OpenSealed(Keys(std::string("# new\n") + kThird + "\n\n" + kFirst + "\n"));
  EXPECT_EQ(OpenSealed(Keys(kThird))->ListTasks()->at(0).spec.target.token, "root:s3cret");
  const Status old = OpenError(Keys(kFirst));
  EXPECT_EQ(old.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(old.message(),
              AllOf(HasSubstr("the token of task t"), HasSubstr("add it as another")));
  const Status none = OpenError({});
  EXPECT_EQ(none.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(none.message(), HasSubstr("set metaStoreConfig.keyFile"));
}

TEST_F(SealedStoreTest, APasswordGoesToNoOtherTarget) {
  ASSERT_TRUE(OpenSealed(Keys(kFirst))->PutTask(Task("t")).ok());
  TaskRecord moved = OpenPlain()->ListTasks()->at(0);
  EXPECT_TRUE(CheckSecrets(moved, Keys(kFirst)).ok());
  moved.spec.target.uri = "http://thief:1";
  EXPECT_EQ(CheckSecrets(moved, Keys(kFirst)).code(), StatusCode::kDataLoss);
  ASSERT_TRUE(OpenPlain()->PutTask(moved).ok());
  EXPECT_EQ(OpenError(Keys(kFirst)).code(), StatusCode::kDataLoss);
}

TEST_F(SealedStoreTest, NoticesWhatWasChangedOrMoved) {
  ASSERT_TRUE(OpenSealed(Keys(kFirst))->PutTask(Task("t")).ok());
  const std::string sealed = Stored();
  TaskRecord other = Task("a");
  other.spec.target.token = sealed;
  ASSERT_TRUE(OpenPlain()->PutTask(other).ok());
  EXPECT_EQ(OpenError(Keys(kFirst)).code(), StatusCode::kDataLoss);
  const SecretKeys keys = Keys(kFirst);
  for (size_t i = std::string("sealed:1:AAAAAAAA:").size(); i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    // The last characters may hold bits that base64 does not use.
    const auto opened = keys.Unseal(changed, "t/token/http://h:1");
    EXPECT_TRUE(!opened.ok() || *opened == "root:s3cret") << i;
    EXPECT_TRUE(opened.ok() ? i + 3 >= sealed.size() : true) << i;
  }
  EXPECT_EQ(keys.Unseal("sealed:1:", "t/token/http://h:1").status().code(),
            StatusCode::kFailedPrecondition);
}

TEST_F(SealedStoreTest, RefusesKeyFilesThatAreNone) {
  EXPECT_THAT(Refusal(kFirst, 0640), HasSubstr("chmod 600"));
  EXPECT_THAT(Refusal(""), HasSubstr("openssl rand -base64 32"));
  EXPECT_THAT(Refusal(std::string(kFirst) + "\n" + kSecond + "\n"),
              AllOf(HasSubstr("line 2 is not 32 bytes"), Not(HasSubstr("////"))));
  EXPECT_THAT(Refusal("no base64!\n"), HasSubstr("line 1"));
  EXPECT_THAT(SecretKeys::Read(dir_.File("none")).status().message(), HasSubstr("cannot read"));
  EXPECT_EQ(SecretKeys().Seal("sealed:1:x", "c").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cdc
