#include "source/catalog/etcd_catalog_listeners.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

#include "base/thread.h"

namespace cdc {
namespace {

TEST(CatalogListeners, CallsEachOnceUntilItsEnd) {
  auto listeners = std::make_shared<CatalogListeners>();
  int first = 0;
  int second = 0;
  auto one = listeners->Add([&] { ++first; });
  {
    auto two = listeners->Add([&] { ++second; });
    listeners->Notify();
  }
  listeners->Notify();
  EXPECT_EQ(first, 2);
  EXPECT_EQ(second, 1);
}

TEST(CatalogListeners, ASubscriptionMayOutliveTheCatalog) {
  auto listeners = std::make_shared<CatalogListeners>();
  auto subscription = listeners->Add([] {});
  listeners.reset();
  subscription.reset();
}

TEST(CatalogListeners, TheEndOfASubscriptionWaitsForACallInProgress) {
  auto listeners = std::make_shared<CatalogListeners>();
  std::promise<void> entered;
  std::promise<void> leave;
  std::atomic<bool> left = false;
  auto subscription = listeners->Add([&] {
    entered.set_value();
    leave.get_future().wait();
    left = true;
  });
  Thread notifier("notifier", [&](const std::stop_token&) { listeners->Notify(); });
  entered.get_future().wait();
  std::atomic<bool> ended = false;
  std::promise<void> ending;
  Thread ender("ender", [&](const std::stop_token&) {
    ending.set_value();
    subscription.reset();
    EXPECT_TRUE(left);
    ended = true;
  });
  ending.get_future().wait();
  EXPECT_FALSE(ended);
  leave.set_value();
  ender.Join();
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace cdc
