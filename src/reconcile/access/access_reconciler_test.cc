#include "reconcile/access/access_reconciler.h"

#include <chrono>
#include <deque>
#include <map>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using std::chrono::seconds;

const AccessItem kReader = AccessItem::Role("reader");
const AccessItem kReads = AccessItem::Grant("reader", "Collection", "default", "c", "Search");
const AccessItem kAlice = AccessItem::User("alice");
const AccessItem kAliceReads = AccessItem::UserRole("alice", "reader");
const AccessSet kBuiltIn{AccessItem::Role("admin"), AccessItem::Role("public"),
                         AccessItem::User("root")};

// A target's users and roles in memory.
class FakeAccess final : public AccessSink {
 public:
  Result<AccessSet> ListUsersAndRoles(const std::stop_token&) override {
    CDC_RETURN_IF_ERROR(list_failure);
    AccessSet listed;
    for (const AccessItem& item : items) {
      if (item.kind != AccessItem::Kind::kGrant) {
        listed.insert(item);
      }
    }
    return listed;
  }
  Result<AccessSet> ListGrants(const std::string& role,
                               const std::string& database,
                               const std::stop_token&) override {
    ++grant_lists;
    AccessSet listed;
    for (const AccessItem& item : items) {
      if (item.kind == AccessItem::Kind::kGrant && item.role == role &&
          (item.database == database || item.database == "*")) {
        listed.insert(item);
      }
    }
    return listed;
  }
  Status Apply(const AccessChange& change, const std::stop_token&) override {
    if (!failures.empty()) {
      const Status failure = failures.front();
      failures.pop_front();
      CDC_RETURN_IF_ERROR(failure);
    }
    changes.push_back(change);
    if (change.add) {
      items.insert(change.item);
    } else {
      items.erase(change.item);
    }
    return OkStatus();
  }

  Status CreateUser(const std::string& user,
                    const std::string& password,
                    const std::stop_token&) override {
    items.insert(AccessItem::User(user));
    passwords[user] = password;
    return OkStatus();
  }
  Result<bool> ChangePassword(const std::string& user,
                              const std::string& old_password,
                              const std::string& new_password,
                              const std::stop_token&) override {
    if (passwords[user] != old_password) {
      return false;
    }
    passwords[user] = new_password;
    return true;
  }

  AccessSet items = kBuiltIn;
  std::map<std::string, std::string> passwords;
  std::vector<AccessChange> changes;
  Status list_failure;
  std::deque<Status> failures;  // of the next changes
  int grant_lists = 0;
};

class AccessReconcilerTest : public ::testing::Test {
 protected:
  AccessReconcilerTest() {
    TaskSpec spec;
    spec.collection_infos = {{.name = "*"}};
    scope_ = std::make_unique<Scope>(spec);
    Restart();
  }
  // As a new process would.
  void Restart() {
    reconciler_ = std::make_unique<AccessReconciler>(
        AccessReconciler::Parts{.task_id = "t",
                                .log_name = "t",
                                .target = &target_,
                                .store = &store_,
                                .read_source = [this](const auto&) { return source_; },
                                .scope = scope_.get(),
                                .conditions = &conditions_,
                                .own_user = "root",
                                .retry = {},
                                .clock = &clock_},
        Recorded());
  }
  AccessSet Recorded() { return store_.LoadProgress("t")->access; }
  void Source(AccessSet items) {
    items.insert(kBuiltIn.begin(), kBuiltIn.end());
    source_ = std::make_shared<const Access>(Access{.items = std::move(items)});
  }
  void Attempt() { reconciler_->Attempt(source_, {}); }
  void Wait(seconds time) {
    clock_.Advance(time);
    Attempt();
  }
  AccessSet OnTarget() {
    AccessSet items = target_.items;
    for (const AccessItem& item : kBuiltIn) {
      items.erase(item);
    }
    return items;
  }

  FakeClock clock_;
  InMemoryMetaStore store_;
  ConditionBoard conditions_{&clock_};
  FakeAccess target_;
  std::unique_ptr<Scope> scope_;
  std::unique_ptr<AccessReconciler> reconciler_;
  std::shared_ptr<const Access> source_;
};

TEST_F(AccessReconcilerTest, RolesAndGrantsFollow) {
  Source({kReader, kReads});
  Attempt();
  EXPECT_THAT(OnTarget(), UnorderedElementsAre(kReader, kReads));
  EXPECT_THAT(Recorded(), UnorderedElementsAre(kReader, kReads));
  EXPECT_TRUE(reconciler_->IsDone());
  Source({kReader});
  Attempt();
  EXPECT_THAT(OnTarget(), ElementsAre(kReader));
  Source({});
  Attempt();
  EXPECT_THAT(OnTarget(), IsEmpty());
  EXPECT_THAT(Recorded(), IsEmpty());
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
}

TEST_F(AccessReconcilerTest, AUserWhosePasswordComesIsCreatedAndGetsItsRoles) {
  Source({kReader, kAlice, kAliceReads});
  int done = 0;
  reconciler_->AddPassword({.user = "alice", .old_password = {}, .password = "p"}, [&] { ++done; });
  EXPECT_FALSE(reconciler_->has_all_passwords());
  Attempt();
  EXPECT_THAT(OnTarget(), UnorderedElementsAre(kReader, kAlice, kAliceReads));
  EXPECT_THAT(Recorded(), UnorderedElementsAre(kReader, kAlice, kAliceReads));
  EXPECT_EQ(target_.passwords["alice"], "p");
  EXPECT_TRUE(reconciler_->has_all_passwords());
  EXPECT_EQ(done, 1);
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
}

TEST_F(AccessReconcilerTest, APasswordIsSetWithoutAChangeOfTheSource) {
  Source({kAlice});
  target_.items.insert(kAlice);
  target_.passwords["alice"] = "p";
  Attempt();
  reconciler_->AddPassword({.user = "alice", .old_password = "p", .password = "q"}, [] {});
  Attempt();
  EXPECT_EQ(target_.passwords["alice"], "q");
  reconciler_->AddPassword({.user = "alice", .old_password = "other", .password = "z"}, [] {});
  Attempt();
  EXPECT_THAT(conditions_.Current().reason,
              HasSubstr("the target refuses the password of user alice"));
  EXPECT_TRUE(reconciler_->IsDone());
}

TEST_F(AccessReconcilerTest, WhatWasDroppedMeanwhileIsRemovedAfterARestart) {
  Source({kReader, kReads});
  Attempt();
  Source({});
  Restart();
  Attempt();
  EXPECT_THAT(OnTarget(), IsEmpty());
}

TEST_F(AccessReconcilerTest, AMissingUserIsToldAndItsRolesFollow) {
  Source({kReader, kAlice, kAliceReads});
  Attempt();
  EXPECT_THAT(OnTarget(), ElementsAre(kReader));
  EXPECT_EQ(conditions_.Current().state, Condition::kWaiting);
  EXPECT_THAT(conditions_.Current().reason, HasSubstr("the target lacks the users alice"));
  EXPECT_TRUE(reconciler_->IsDone());
  target_.items.insert(kAlice);
  Wait(seconds(5));
  EXPECT_THAT(OnTarget(), UnorderedElementsAre(kReader, kAlice, kAliceReads));
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
  Source({kReader});
  Attempt();
  EXPECT_THAT(OnTarget(), ElementsAre(kReader));
}

TEST_F(AccessReconcilerTest, ARefusalKeepsNothingElse) {
  Source({kReader, kReads, AccessItem::Role("writer")});
  target_.failures = {OkStatus(), FailedPreconditionError("no such role")};
  Attempt();
  EXPECT_THAT(OnTarget(), UnorderedElementsAre(kReader, kReads));
  EXPECT_THAT(conditions_.Current().reason, HasSubstr("add role writer: no such role"));
  Wait(seconds(5));
  EXPECT_THAT(OnTarget(), UnorderedElementsAre(kReader, kReads, AccessItem::Role("writer")));
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
}

TEST_F(AccessReconcilerTest, ATransientErrorIsRetried) {
  Source({kReader, kReads});
  target_.list_failure = UnavailableError("away");
  Attempt();
  EXPECT_EQ(conditions_.Current().state, Condition::kRetrying);
  EXPECT_FALSE(reconciler_->IsDone());
  target_.list_failure = OkStatus();
  target_.failures = {UnavailableError("away again")};
  Wait(seconds(1));
  EXPECT_FALSE(reconciler_->IsDone());
  Wait(seconds(1));
  EXPECT_THAT(OnTarget(), UnorderedElementsAre(kReader, kReads));
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
  EXPECT_TRUE(reconciler_->IsDone());
}

TEST_F(AccessReconcilerTest, NothingIsMadeBeforeItIsStored) {
  Source({kReader});
  store_.FailWith(UnavailableError("disk full"));
  Attempt();
  EXPECT_THAT(OnTarget(), IsEmpty());
  EXPECT_EQ(conditions_.Current().state, Condition::kRetrying);
  store_.FailWith(OkStatus());
  Wait(seconds(1));
  EXPECT_THAT(OnTarget(), ElementsAre(kReader));
}

TEST_F(AccessReconcilerTest, AnUnknownSourceRemovesNothing) {
  Source({kReader});
  Attempt();
  source_ = nullptr;
  Attempt();
  EXPECT_THAT(OnTarget(), ElementsAre(kReader));
  EXPECT_EQ(conditions_.Current().state, Condition::kWaiting);
}

TEST_F(AccessReconcilerTest, NothingIsReadUntilSomethingIsDue) {
  Source({kReader, kReads});
  Attempt();
  Wait(seconds(61));
  const int lists = target_.grant_lists;
  Attempt();
  EXPECT_EQ(target_.grant_lists, lists);
  // What somebody has taken away on the target is restored.
  target_.items.erase(kReads);
  Wait(seconds(61));
  EXPECT_THAT(OnTarget(), UnorderedElementsAre(kReader, kReads));
}

TEST_F(AccessReconcilerTest, ATargetThatWasAwayIsReadAgain) {
  Source({kReader, kReads});
  Attempt();
  target_.items = kBuiltIn;
  reconciler_->ForgetTarget();
  Attempt();
  EXPECT_THAT(OnTarget(), UnorderedElementsAre(kReader, kReads));
}

TEST_F(AccessReconcilerTest, WithoutASinkNothingIsDone) {
  AccessReconciler reconciler({.task_id = "t",
                               .log_name = "t",
                               .target = nullptr,
                               .store = &store_,
                               .read_source = {},
                               .scope = scope_.get(),
                               .conditions = &conditions_,
                               .own_user = "",
                               .retry = {},
                               .clock = &clock_},
                              {});
  Source({kReader});
  reconciler.Attempt(source_, {});
  EXPECT_TRUE(reconciler.IsDone());
  EXPECT_EQ(reconciler.due(), std::nullopt);
  EXPECT_THAT(Recorded(), IsEmpty());
}

}  // namespace
}  // namespace cdc
