#include "source/storage/storage.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LocalStorageTest : public testing::Test {
 protected:
  LocalStorageTest() {
    std::string name = testing::TempDir() + "/cdc-storage-XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~LocalStorageTest() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& path, const std::string& bytes) {
    const std::filesystem::path file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
  }

  std::unique_ptr<Storage> Open() {
    auto storage = OpenLocalStorage(root_.string());
    EXPECT_TRUE(storage.ok()) << storage.status().ToString();
    return *std::move(storage);
  }

  std::filesystem::path root_;
};

TEST_F(LocalStorageTest, ReadsParts) {
  Write("a/b", "0123456789");
  const auto storage = Open();
  const auto file = storage->Open("a/b");
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->size(), 10);
  std::string part(4, ' ');
  EXPECT_EQ((*file)->ReadAt(3, 4, part.data()), OkStatus());
  EXPECT_EQ(part, "3456");
  EXPECT_THAT((*file)->ReadAt(8, 4, part.data()).ToString(),
              AllOf(HasSubstr("DATA_LOSS: a/b in the folder " + root_.string()),
                    HasSubstr("ends early: at byte 10")));
}

TEST_F(LocalStorageTest, ListsFiles) {
  Write("a/2", "");
  Write("a/1", "");
  Write("a/folder/3", "");
  const auto storage = Open();
  const auto names = storage->List("a");
  ASSERT_TRUE(names.ok()) << names.status().ToString();
  EXPECT_THAT(*names, ElementsAre("1", "2"));
  const auto none = storage->List("b");
  ASSERT_TRUE(none.ok()) << none.status().ToString();
  EXPECT_THAT(*none, IsEmpty());
}

TEST_F(LocalStorageTest, SaysWhatWasLookedForAndWhere) {
  const auto storage = Open();
  EXPECT_THAT(storage->Open("a/b").status().ToString(),
              HasSubstr("NOT_FOUND: cannot open a/b in the folder " + root_.string()));
  EXPECT_THAT(OpenLocalStorage(root_.string() + "/none").status().ToString(),
              HasSubstr("NOT_FOUND: there is no folder " + root_.string() + "/none"));
}

}  // namespace
}  // namespace cdc
