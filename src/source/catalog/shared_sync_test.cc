#include "source/catalog/shared_sync.h"

#include <atomic>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/thread.h"

namespace cdc {
namespace {

const std::stop_token kNeverStops;

std::shared_ptr<const Catalog> CatalogAt(int64_t revision) {
  auto catalog = std::make_shared<Catalog>();
  catalog->revision = revision;
  return catalog;
}

// A query that the test answers.
class Question {
 public:
  SharedSync::Ask ask() {
    return [this](const std::stop_token& stop) -> SharedSync::Answer {
      MutexLock lock(mutex_);
      const int64_t number = ++asked_;
      if (!changed_.Wait(lock, stop, [&] { return allowed_ >= number; })) {
        return CancelledError("stopped");
      }
      return CatalogAt(number);
    };
  }
  void Allow(int64_t questions) {
    MutexLock lock(mutex_);
    allowed_ = questions;
    changed_.NotifyAll();
  }
  int64_t asked() {
    MutexLock lock(mutex_);
    return asked_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int64_t asked_ CDC_GUARDED_BY(mutex_) = 0;
  int64_t allowed_ CDC_GUARDED_BY(mutex_) = 0;
};

TEST(SharedSync, ThoseThatCameDuringAQuestionShareTheNext) {
  SharedSync sync;
  Question question;
  std::atomic<int> of_second = 0;
  std::atomic<int> waiting = 0;
  Thread first("first", [&](const auto&) {
    EXPECT_EQ((*sync.Call(kNeverStops, question.ask()))->revision, 1);
  });
  ASSERT_TRUE(Eventually([&] { return question.asked() == 1; }));
  std::vector<Thread> later;
  for (int i = 0; i < 10; ++i) {
    later.emplace_back("later", [&](const auto&) {
      ++waiting;
      // A call that arrives while the second query is in progress gets the third.
      of_second += (*sync.Call(kNeverStops, question.ask()))->revision == 2 ? 1 : 0;
    });
  }
  ASSERT_TRUE(Eventually([&] { return waiting == 10; }));
  question.Allow(1);
  ASSERT_TRUE(Eventually([&] { return question.asked() == 2; }));
  question.Allow(100);
  later.clear();
  EXPECT_LT(question.asked(), 10);
  EXPECT_GE(of_second, 1);
}

TEST(SharedSync, WhoIsStoppedLeavesTheQuestionToTheOthers) {
  SharedSync sync;
  Question question;
  std::stop_source stop;
  Thread first("first", [&](const auto&) {
    EXPECT_EQ(sync.Call(stop.get_token(), question.ask()).status().code(), StatusCode::kCancelled);
  });
  ASSERT_TRUE(Eventually([&] { return question.asked() == 1; }));
  Thread second("second", [&](const auto&) {
    EXPECT_EQ((*sync.Call(kNeverStops, question.ask()))->revision, 2);
  });
  stop.request_stop();
  ASSERT_TRUE(Eventually([&] { return question.asked() == 2; }));
  question.Allow(2);
}

}  // namespace
}  // namespace cdc
