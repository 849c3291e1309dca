#include "progress/checkpoint_saver.h"

#include <atomic>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/thread.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

class FakeTask final : public Checkpointed {
 public:
  explicit FakeTask(std::vector<ChannelCheckpoint> checkpoints)
      : checkpoints_(std::move(checkpoints)) {}
  std::vector<ChannelCheckpoint> CollectCheckpoints() override { return checkpoints_; }
  void OnSaved(const Status& status) override { saved_ok += status.ok() ? 1 : 0; }

  std::atomic<int> saved_ok = 0;

 private:
  const std::vector<ChannelCheckpoint> checkpoints_;
};

// A store whose saves hang until it is uncorked.
class CorkedStore final : public InMemoryMetaStore {
 public:
  Status SaveAllCheckpoints(const Checkpoints& checkpoints) override {
    {
      MutexLock lock(mutex_);
      ++hanging_;
      changed_.NotifyAll();
      changed_.Wait(lock, std::stop_token(), [this] { return !corked_; });
      --hanging_;
    }
    return InMemoryMetaStore::SaveAllCheckpoints(checkpoints);
  }
  bool hangs() {
    MutexLock lock(mutex_);
    return hanging_ > 0;
  }
  void Uncork() {
    MutexLock lock(mutex_);
    corked_ = false;
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool corked_ CDC_GUARDED_BY(mutex_) = true;
  int hanging_ CDC_GUARDED_BY(mutex_) = 0;
};

class CheckpointSaverTest : public ::testing::Test {
 protected:
  CheckpointSaverTest() {
    saver_.Add("busy", &busy_);
    saver_.Add("idle", &idle_);
    thread_ = Thread("save", [this](const std::stop_token& stop) { saver_.Run(stop); });
  }
  ~CheckpointSaverTest() override { store_.Uncork(); }

  CorkedStore store_;
  FakeTask busy_{{{.channel = "c", .position = {}, .ts = {5}, .applied = {}, .horizon = {}}}};
  FakeTask idle_{{}};
  CheckpointSaver saver_{&store_, std::chrono::milliseconds(1)};
  Thread thread_;
};

TEST_F(CheckpointSaverTest, OthersComeAndGoWhileTheStoreWrites) {
  ASSERT_TRUE(Eventually([this] { return store_.hangs(); }));
  std::atomic<bool> done = false;
  const Thread other("other", [&](const std::stop_token&) {
    FakeTask late({});
    saver_.Add("late", &late);
    saver_.Remove("late");
    saver_.Remove("idle");
    done = true;
  });
  EXPECT_TRUE(Eventually([&] { return done.load(); }));
  EXPECT_TRUE(store_.hangs());
  store_.Uncork();
}

TEST_F(CheckpointSaverTest, ATaskWaitsForTheSaveOfItsOwn) {
  ASSERT_TRUE(Eventually([this] { return store_.hangs(); }));
  std::optional<int> saved_when_removed;
  Thread other("other", [&](const std::stop_token&) {
    saver_.Remove("busy");
    saved_when_removed = busy_.saved_ok;
  });
  store_.Uncork();
  other.Join();
  ASSERT_TRUE(saved_when_removed.has_value());
  EXPECT_GE(*saved_when_removed, 1);
  const int saved = busy_.saved_ok;
  saver_.Wake();
  EXPECT_EQ(busy_.saved_ok, saved);
}

class ThrowingTask final : public Checkpointed {
 public:
  std::vector<ChannelCheckpoint> CollectCheckpoints() override { throw std::bad_alloc(); }
  void OnSaved(const Status& /*status*/) override {}
};

TEST(CheckpointSaverThrowTest, ATaskThatThrowsCanStillBeRemoved) {
  InMemoryMetaStore store;
  CheckpointSaver saver(&store, std::chrono::milliseconds(1));
  ThrowingTask task;
  saver.Add("t", &task);
  EXPECT_THROW(saver.Run({}), std::bad_alloc);
  saver.Remove("t");  // waits as long as the saver holds the task
}

}  // namespace
}  // namespace cdc
