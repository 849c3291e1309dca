// TaskManager::ChangeTask of what a task covers.
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/task_manager.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Loses answers, and can be away.
class LossyStore final : public InMemoryMetaStore {
 public:
  Status ReplaceTask(const TaskRecord& task, const Progress& progress) override {
    if (on_replace) {
      on_replace();
    }
    if (commits) {
      CDC_RETURN_IF_ERROR(InMemoryMetaStore::ReplaceTask(task, progress));
    }
    FailWith(away ? UnavailableError("the store is away") : OkStatus());
    return answers ? OkStatus() : UnavailableError("the answer is lost");
  }

  bool commits = true;
  bool answers = true;
  bool away = false;  // after the next call
  std::function<void()> on_replace;
};

class ChangeScopeTest : public ::testing::Test {
 protected:
  ChangeScopeTest() {
    replicator_.SetStore(&store_);
    replicator_.SetNotes({{.collection = {"default", "b"}, .rows = "all"}});
    EXPECT_TRUE(manager_.Start().ok());
    EXPECT_TRUE(manager_.Create(Covering("t", {"a"})).ok());
  }

  static TaskSpec Covering(const std::string& id, const std::vector<std::string>& names) {
    TaskSpec spec;
    spec.id = id;
    spec.target.uri = "http://127.0.0.1:1";
    for (const std::string& name : names) {
      spec.collection_infos.push_back({.name = name});
    }
    return spec;
  }
  Result<std::vector<ScopeNote>> Cover(const std::vector<std::string>& names) {
    return manager_.ChangeTask("t", [&](const TaskView&, TaskSpec* spec) {
      spec->collection_infos = Covering("t", names).collection_infos;
      return OkStatus();
    });
  }
  // What the other tasks mean for a task on this collection.
  StatusCode PlanOf(const std::string& name) {
    return FirstRefusal(manager_.Plan(Covering("", {name}))).code();
  }
  TaskRecord Stored() {
    const auto records = store_.ListTasks();
    for (const TaskRecord& record : *records) {
      if (record.spec.id == "t") {
        return record;
      }
    }
    ADD_FAILURE() << "it is not stored";
    return {};
  }

  LossyStore store_;
  FakeReplicator replicator_;
  TaskManager manager_{{.store = &store_, .replicator = &replicator_}};
};

TEST_F(ChangeScopeTest, APausedTaskCoversOtherCollectionsAfterIt) {
  ASSERT_TRUE(manager_.Pause("t").ok());
  const auto notes = Cover({"a", "b"});
  ASSERT_TRUE(notes.ok()) << notes.status().ToString();
  ASSERT_THAT(*notes, SizeIs(1));
  EXPECT_EQ((*notes)[0].collection.ToString(), "default.b");
  EXPECT_THAT(Stored().spec.collection_infos, SizeIs(2));
  EXPECT_EQ(Stored().state, TaskState::kPaused);
  EXPECT_THAT(manager_.Get("t")->record.spec.collection_infos, SizeIs(2));
  const auto events = manager_.Events("t", 0);
  EXPECT_EQ(events->back().kind, TaskEventKind::kChanged);
  EXPECT_EQ(events->back().text, "+default.b");
  ASSERT_TRUE(manager_.Resume("t").ok());
  EXPECT_THAT(replicator_.last_started("t").collection_infos, SizeIs(2));
}

TEST_F(ChangeScopeTest, ATaskThatRunsMustBePausedFirst) {
  const Status refused = Cover({"a", "b"}).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("pause it first"));
  EXPECT_TRUE(replicator_.running("t"));
  EXPECT_THAT(Stored().spec.collection_infos, SizeIs(1));
}

TEST_F(ChangeScopeTest, WhatAnotherTaskHasIsRefused) {
  ASSERT_TRUE(manager_.Create(Covering("u", {"b"})).ok());
  ASSERT_TRUE(manager_.Pause("t").ok());
  const Status refused = Cover({"a", "b"}).status();
  EXPECT_EQ(refused.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(manager_.Get("t")->record.spec.collection_infos, SizeIs(1));
}

TEST_F(ChangeScopeTest, WhatCannotBePreparedOrStoredChangesNothing) {
  ASSERT_TRUE(manager_.Pause("t").ok());
  replicator_.SetPrepareStatus(OutOfRangeError("the queue no longer holds it"));
  EXPECT_EQ(Cover({"a", "b"}).status().code(), StatusCode::kOutOfRange);
  EXPECT_THAT(manager_.Get("t")->record.spec.collection_infos, SizeIs(1));
  EXPECT_THAT(Stored().spec.collection_infos, SizeIs(1));
}

TEST_F(ChangeScopeTest, TheTargetIsChangedByItself) {
  ASSERT_TRUE(manager_.Pause("t").ok());
  const Status refused = manager_
                             .ChangeTask("t",
                                         [&](const TaskView&, TaskSpec* spec) {
                                           spec->target.token = "x";
                                           spec->on_expired = OnExpired::kSnapshot;
                                           return OkStatus();
                                         })
                             .status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Stored().spec.target.token, "");
}

TEST_F(ChangeScopeTest, APolicyIsStored) {
  replicator_.SetNotes({});
  ASSERT_TRUE(manager_.Pause("t").ok());
  const auto notes = manager_.ChangeTask("t", [&](const TaskView&, TaskSpec* spec) {
    spec->on_collection_error = OnCollectionError::kPause;
    return OkStatus();
  });
  ASSERT_TRUE(notes.ok());
  EXPECT_THAT(*notes, IsEmpty());
  EXPECT_EQ(Stored().spec.on_collection_error, OnCollectionError::kPause);
}

TEST_F(ChangeScopeTest, AChangeWhoseAnswerIsLostIsWhatTheStoreSays) {
  ASSERT_TRUE(manager_.Pause("t").ok());
  store_.answers = false;
  const Status lost = Cover({"a", "b"}).status();
  EXPECT_EQ(lost.code(), StatusCode::kUnavailable);
  EXPECT_THAT(lost.message(), HasSubstr("the change is stored all the same"));
  EXPECT_THAT(manager_.Get("t")->record.spec.collection_infos, SizeIs(2));
  store_.commits = false;
  EXPECT_THAT(Cover({"a"}).status().message(), HasSubstr("the answer is lost"));
  EXPECT_THAT(manager_.Get("t")->record.spec.collection_infos, SizeIs(2));
  ASSERT_TRUE(manager_.Resume("t").ok());
  EXPECT_THAT(replicator_.last_started("t").collection_infos, SizeIs(2));
}

TEST_F(ChangeScopeTest, ATaskWhoseScopeIsNotKnownIsNotResumed) {
  ASSERT_TRUE(manager_.Pause("t").ok());
  store_.answers = false;
  store_.away = true;
  EXPECT_EQ(Cover({"b"}).status().code(), StatusCode::kUnavailable);
  const Status refused = manager_.Resume("t").status();
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable);
  EXPECT_THAT(refused.message(), HasSubstr("not known whether its last change is stored"));
  EXPECT_EQ(manager_.Get("t")->record.spec.collection_infos[0].name, "a");
  // Nobody else gets what it may cover.
  store_.FailWith(OkStatus());
  EXPECT_EQ(manager_.Create(Covering("u", {"b"})).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(manager_.Create(Covering("u", {"a"})).status().code(), StatusCode::kAlreadyExists);
  ASSERT_TRUE(manager_.Resume("t").ok());
  EXPECT_EQ(replicator_.last_started("t").collection_infos[0].name, "b");
  EXPECT_TRUE(manager_.Create(Covering("u", {"a"})).ok());
}

TEST_F(ChangeScopeTest, UntilAChangeIsStoredTheOldScopeIsShownAndBothAreTaken) {
  ASSERT_TRUE(manager_.Pause("t").ok());
  store_.commits = false;
  store_.answers = false;
  std::string shown;
  StatusCode old_name{};
  StatusCode new_name{};
  store_.on_replace = [&] {
    shown = manager_.Get("t")->record.spec.collection_infos[0].name;
    old_name = PlanOf("a");
    new_name = PlanOf("b");
  };
  EXPECT_FALSE(Cover({"b"}).ok());
  EXPECT_EQ(shown, "a");
  EXPECT_EQ(old_name, StatusCode::kAlreadyExists);
  EXPECT_EQ(new_name, StatusCode::kAlreadyExists);
  EXPECT_EQ(PlanOf("b"), StatusCode::kOk);
}

TEST_F(ChangeScopeTest, WhatIsNotTheCallersMistakeIsOurs) {
  ASSERT_TRUE(manager_.Pause("t").ok());
  for (const Status& failure :
       {NotFoundError("no bucket"), Status(StatusCode::kUnauthenticated, "no key")}) {
    replicator_.SetPrepareStatus(failure);
    const Status refused = Cover({"a", "b"}).status();
    EXPECT_EQ(refused.code(), StatusCode::kInternal);
    EXPECT_THAT(refused.message(), HasSubstr(failure.message()));
  }
}

}  // namespace
}  // namespace cdc
