#include "metastore/forgetful_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ForgetfulStoreTest, StoresNothing) {
  InMemoryMetaStore real;
  ASSERT_TRUE(real.PutDatabase("t", "stored").ok());
  const auto store = NewForgetfulStore(&real);
  EXPECT_TRUE(store->PutDatabase("t", "new").ok());
  EXPECT_TRUE(store->SaveCheckpoints("t", {ChannelCheckpoint{.channel = "c"}}).ok());
  EXPECT_TRUE(store->PutSource("t", "source").ok());
  EXPECT_TRUE(store->RemoveDatabase("t", "stored").ok());
  EXPECT_TRUE(store->DeleteTask("t").ok());
  const auto progress = store->LoadProgress("t");
  ASSERT_TRUE(progress.ok());
  EXPECT_THAT(progress->databases, ElementsAre("stored"));
  EXPECT_THAT(progress->channels, IsEmpty());
  EXPECT_EQ(progress->source, "");
}

TEST(ForgetfulStoreTest, RemembersWhatLetsATaskGoOn) {
  InMemoryMetaStore real;
  const auto store = NewForgetfulStore(&real);
  MetaStore::Progress progress;
  progress.aside.push_back({.collection = CollectionId{7}, .reason = "why"});
  ASSERT_TRUE(store->ReplaceProgress("t", progress).ok());
  EXPECT_EQ(store->LoadProgress("t")->aside.size(), 1U);
  EXPECT_THAT(store->LoadProgress("other")->aside, IsEmpty());
  EXPECT_THAT(real.LoadProgress("t")->aside, IsEmpty());
  EXPECT_TRUE(store->PutSnapshot("t", {.collection = CollectionId{7}, .done = true}).ok());
  EXPECT_THAT(store->LoadProgress("t")->snapshots, IsEmpty());
  store->Forget("t");
  EXPECT_THAT(store->LoadProgress("t")->aside, IsEmpty());
}

TEST(ForgetfulStoreTest, ACopyThatWasAskedForEnds) {
  InMemoryMetaStore real;
  const auto store = NewForgetfulStore(&real);
  MetaStore::Progress progress;
  progress.snapshots = {{.collection = CollectionId{7}}, {.collection = CollectionId{8}}};
  ASSERT_TRUE(store->ReplaceProgress("t", progress).ok());
  ASSERT_TRUE(store->PutSnapshot("t", {.collection = CollectionId{8}, .done = true}).ok());
  const auto stored = store->LoadProgress("t");
  ASSERT_TRUE(stored.ok());
  EXPECT_FALSE(stored->snapshots[0].done);
  EXPECT_TRUE(stored->snapshots[1].done);
}

}  // namespace
}  // namespace cdc
