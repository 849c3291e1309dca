#include "reconcile/access/password_queue.h"

#include <chrono>
#include <memory>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

using std::chrono::seconds;

// The users of a target, with their passwords.
class FakePasswords final : public AccessSink {
 public:
  Result<AccessSet> ListUsersAndRoles(const std::stop_token&) override { return AccessSet(); }
  Result<AccessSet> ListGrants(const std::string&,
                               const std::string&,
                               const std::stop_token&) override {
    return AccessSet();
  }
  Status Apply(const AccessChange& change, const std::stop_token&) override {
    ++drops;
    passwords.erase(change.item.user);
    return OkStatus();
  }
  Status CreateUser(const std::string& user,
                    const std::string& password,
                    const std::stop_token&) override {
    CDC_RETURN_IF_ERROR(failure);
    if (user == failing_user) {
      return InternalError("the number of users is limited");
    }
    if (password == refused) {
      return InvalidArgumentError("too short");
    }
    passwords[user] = password;
    return OkStatus();
  }
  Result<bool> ChangePassword(const std::string& user,
                              const std::string& old_password,
                              const std::string& new_password,
                              const std::stop_token&) override {
    CDC_RETURN_IF_ERROR(failure);
    if (new_password == refused) {
      return InvalidArgumentError("too short");
    }
    if (passwords[user] != old_password) {
      return false;
    }
    passwords[user] = new_password;
    return true;
  }

  std::map<std::string, std::string> passwords;
  int drops = 0;
  Status failure;
  std::string refused = "short";
  std::string failing_user;
};

class PasswordQueueTest : public ::testing::Test {
 protected:
  static inline const AccessItem kAlice = AccessItem::User("alice");
  static inline const AccessItem kAliceReads = AccessItem::UserRole("alice", "reader");
  static inline const AccessItem kReader = AccessItem::Role("reader");

  void Add(const std::string& user, std::optional<std::string> old, const std::string& password) {
    queue_.Add({.user = user, .old_password = std::move(old), .password = password},
               [this] { ++done_; });
  }
  Status Carry() {
    queue_.Take();
    AccessSet target = roles_;
    for (const auto& [user, password] : sink_.passwords) {
      target.insert(AccessItem::User(user));
    }
    const Status carried = queue_.Carry(source_, &target, {});
    roles_.clear();
    for (const AccessItem& item : target) {
      if (item.kind != AccessItem::Kind::kUser) {
        roles_.insert(item);
      }
    }
    return carried;
  }

  FakeClock clock_;
  FakePasswords sink_;
  AccessSet recorded_;
  AccessSet source_{kAlice};
  AccessSet newest_;  // what the source has, which the catalog does not show yet
  Status etcd_;
  AccessSet roles_{kReader};
  int done_ = 0;
  PasswordQueue queue_{
      {.task_id = "t",
       .log_name = "t",
       .target = &sink_,
       .own_user = "me",
       .record =
           [this](const AccessItem& user) {
             recorded_.insert(user);
             return OkStatus();
           },
       .is_on_source = [this](const AccessItem& user, const std::stop_token&) -> Result<bool> {
         CDC_RETURN_IF_ERROR(etcd_);
         return newest_.contains(user);
       },
       .clock = &clock_}};
};

TEST_F(PasswordQueueTest, ANewUserIsRecordedAndCreated) {
  Add("alice", std::nullopt, "p1");
  EXPECT_FALSE(queue_.empty());
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p1")));
  EXPECT_THAT(recorded_, ElementsAre(kAlice));
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(done_, 1);
}

TEST_F(PasswordQueueTest, ChangesComeInTheOrderOfTheSource) {
  Add("alice", std::nullopt, "p1");
  Add("alice", "p1", "p2");
  Add("alice", "p2", "p3");
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p3")));
  EXPECT_EQ(done_, 3);
}

TEST_F(PasswordQueueTest, WhatIsRepeatedAfterARestartChangesNothing) {
  sink_.passwords["alice"] = "p2";
  roles_.insert(kAliceReads);
  Add("alice", "p1", "p2");
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p2")));
  EXPECT_THAT(queue_.Refused(), IsEmpty());
  EXPECT_THAT(roles_, UnorderedElementsAre(kReader, kAliceReads));
  EXPECT_EQ(sink_.drops, 0);
}

// From the creation on.
TEST_F(PasswordQueueTest, AUserWhoHasTheLastPasswordIsNotCreatedAnew) {
  sink_.passwords["alice"] = "p2";
  recorded_.insert(kAlice);
  roles_.insert(kAliceReads);
  Add("alice", std::nullopt, "p1");
  Add("alice", "p1", "p2");
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p2")));
  EXPECT_EQ(sink_.drops, 0);
  EXPECT_THAT(roles_, UnorderedElementsAre(kReader, kAliceReads));
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(done_, 2);
}

// The source has dropped the first one meanwhile, which the queue does not say.
TEST_F(PasswordQueueTest, AnotherUserOfTheSameNameGetsThePassword) {
  Add("alice", std::nullopt, "p1");
  ASSERT_TRUE(Carry().ok());
  Add("alice", std::nullopt, "p2");
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p2")));
  sink_.passwords.clear();
  Add("alice", std::nullopt, "p3");
  Add("alice", "p3", "p4");
  Add("alice", std::nullopt, "p5");
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p5")));
  EXPECT_THAT(queue_.Refused(), IsEmpty());
  EXPECT_EQ(done_, 5);
}

TEST_F(PasswordQueueTest, AUserWithAnotherPasswordIsNeverDropped) {
  sink_.passwords["alice"] = "by hand";
  recorded_.insert(kAlice);
  roles_.insert(kAliceReads);
  Add("alice", std::nullopt, "p9");
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSERT_TRUE(Carry().ok());
    EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "by hand")));
    EXPECT_THAT(roles_, UnorderedElementsAre(kReader, kAliceReads));
    EXPECT_EQ(sink_.drops, 0);
    EXPECT_THAT(queue_.Refused(), ElementsAre(HasSubstr("of this name with another password")));
    EXPECT_EQ(done_, 1);
    clock_.Advance(seconds(61));
  }
}

TEST_F(PasswordQueueTest, APasswordThatTheTargetWouldNeverTakeIsTold) {
  Add("alice", std::nullopt, "short");
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, IsEmpty());
  EXPECT_THAT(queue_.Refused(), ElementsAre(HasSubstr("too short")));
}

TEST_F(PasswordQueueTest, AnErrorOfOneUserKeepsNoOther) {
  const AccessItem bob = AccessItem::User("bob");
  source_.insert(bob);
  sink_.failing_user = "alice";
  Add("alice", std::nullopt, "p1");
  Add("bob", std::nullopt, "p2");
  EXPECT_EQ(Carry().code(), StatusCode::kInternal);
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("bob", "p2")));
  EXPECT_FALSE(queue_.empty());
}

TEST_F(PasswordQueueTest, AnErrorThatSaysNothingOfThePasswordKeepsIt) {
  for (const StatusCode code : {StatusCode::kInternal, StatusCode::kUnknown,
                                StatusCode::kUnauthenticated, StatusCode::kPermissionDenied}) {
    sink_.failure = Status(code, "odd");
    Add("alice", std::nullopt, "p1");
    EXPECT_EQ(Carry().code(), code);
    EXPECT_FALSE(queue_.empty());
  }
  EXPECT_EQ(done_, 3) << "those before the last creation";
}

TEST_F(PasswordQueueTest, AnOddErrorThatStaysIsARefusal) {
  sink_.failing_user = "alice";
  Add("alice", std::nullopt, "p1");
  EXPECT_EQ(Carry().code(), StatusCode::kInternal);
  clock_.Advance(seconds(301));
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(queue_.Refused(), ElementsAre(HasSubstr("the number of users is limited")));
  EXPECT_TRUE(queue_.empty());
}

TEST_F(PasswordQueueTest, ACatalogThatIsBehindIsWaitedFor) {
  source_.clear();
  Add("alice", std::nullopt, "p1");
  ASSERT_TRUE(Carry().ok());
  clock_.Advance(seconds(20));
  etcd_ = UnavailableError("away");
  EXPECT_EQ(Carry().code(), StatusCode::kUnavailable);
  etcd_ = OkStatus();
  newest_.insert(kAlice);
  ASSERT_TRUE(Carry().ok());
  EXPECT_FALSE(queue_.empty());
  source_.insert(kAlice);
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p1")));
  EXPECT_EQ(done_, 1);
}

TEST_F(PasswordQueueTest, TheQueueMayBeAheadOfTheCatalog) {
  source_.clear();
  Add("alice", std::nullopt, "p1");
  ASSERT_TRUE(Carry().ok());
  EXPECT_FALSE(queue_.empty());
  source_.insert(kAlice);
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p1")));
}

TEST_F(PasswordQueueTest, AUserWhoIsGoneAgainIsNotWaitedForLong) {
  source_.clear();
  Add("alice", std::nullopt, "p1");
  ASSERT_TRUE(Carry().ok());
  clock_.Advance(seconds(20));
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, IsEmpty());
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(done_, 1);
}

TEST_F(PasswordQueueTest, RootAndTheTasksOwnUserAreLeftAlone) {
  source_ = {AccessItem::User("root"), AccessItem::User("me")};
  sink_.passwords = {{"root", "r"}, {"me", "m"}};
  Add("root", "r", "x");
  Add("me", "m", "x");
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("me", "m"), Pair("root", "r")));
  EXPECT_EQ(done_, 2);
}

TEST_F(PasswordQueueTest, ARefusedPasswordIsToldAndTriedAgainLater) {
  sink_.passwords["alice"] = "by hand";
  Add("alice", "p1", "p2");
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(queue_.Refused(),
              ElementsAre(HasSubstr("user alice: it has another old password there")));
  // It does not hold the position of the queue.
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(done_, 1);
  sink_.passwords["alice"] = "p2";
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(queue_.Refused(), ElementsAre(HasSubstr("alice")));
  clock_.Advance(seconds(61));
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(queue_.Refused(), IsEmpty());
  EXPECT_EQ(done_, 1);
}

TEST_F(PasswordQueueTest, ALaterPasswordReplacesARefusedOne) {
  sink_.passwords["alice"] = "by hand";
  Add("alice", "p1", "p2");
  ASSERT_TRUE(Carry().ok());
  Add("alice", "by hand", "p3");
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p3")));
  EXPECT_THAT(queue_.Refused(), IsEmpty());
  EXPECT_EQ(done_, 2);
}

TEST_F(PasswordQueueTest, ATransientErrorKeepsThePassword) {
  Add("alice", std::nullopt, "p1");
  sink_.failure = UnavailableError("away");
  EXPECT_EQ(Carry().code(), StatusCode::kUnavailable);
  EXPECT_FALSE(queue_.empty());
  EXPECT_EQ(done_, 0);
  sink_.failure = OkStatus();
  ASSERT_TRUE(Carry().ok());
  EXPECT_THAT(sink_.passwords, ElementsAre(Pair("alice", "p1")));
}

}  // namespace
}  // namespace cdc
