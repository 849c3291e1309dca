#include "source/catalog/access_builder.h"

#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// As a new Milvus 2.3.5 has them.
constexpr const char* kHash = R"({"encrypted_password":"$2a$04$7FeIBVvp7KlwwrR3ByPXiO"})";

class AccessBuilderTest : public ::testing::Test {
 protected:
  AccessBuilderTest() {
    Put("roles/admin");
    Put("roles/public");
    Put("users/root", kHash);
  }
  void Put(const std::string& key, const std::string& value = "") { builder_.Put(key, value); }
  std::shared_ptr<const Access> Build() { return access_ = builder_.Build(access_); }
  // But for what every Milvus has.
  AccessSet Items() {
    AccessSet items = Build()->items;
    items.erase(AccessItem::Role("admin"));
    items.erase(AccessItem::Role("public"));
    items.erase(AccessItem::User("root"));
    return items;
  }

  AccessBuilder builder_;
  std::shared_ptr<const Access> access_;
};

TEST_F(AccessBuilderTest, UsersAndRoles) {
  Put("users/alice", kHash);
  Put("roles/reader");
  Put("user-role-mapping/alice/reader");
  EXPECT_THAT(Items(), UnorderedElementsAre(AccessItem::User("alice"), AccessItem::Role("reader"),
                                            AccessItem::UserRole("alice", "reader")));
  builder_.Delete("user-role-mapping/alice/reader");
  builder_.Delete("users/alice");
  EXPECT_THAT(Items(), ElementsAre(AccessItem::Role("reader")));
}

TEST_F(AccessBuilderTest, AGrantIsTheJoinOfTwoKeys) {
  Put("roles/reader");
  Put("grantee-id/f74feb0b2159ccf6/PrivilegeInsert", "root");
  EXPECT_THAT(Items(), ElementsAre(AccessItem::Role("reader")));
  Put("grantee-privileges/reader/Collection/default.c1", "f74feb0b2159ccf6");
  Put("grantee-privileges/reader/Global/*.*", "042ae47131ec8125");
  Put("grantee-id/042ae47131ec8125/*", "root");
  EXPECT_THAT(Items(), UnorderedElementsAre(
                           AccessItem::Role("reader"),
                           AccessItem::Grant("reader", "Collection", "default", "c1", "Insert"),
                           AccessItem::Grant("reader", "Global", "*", "*", "*")));
  // A revoke leaves the grantee.
  builder_.Delete("grantee-id/f74feb0b2159ccf6/PrivilegeInsert");
  EXPECT_THAT(Items(), UnorderedElementsAre(AccessItem::Role("reader"),
                                            AccessItem::Grant("reader", "Global", "*", "*", "*")));
}

TEST_F(AccessBuilderTest, WhatADroppedRoleLeavesIsIgnored) {
  Put("users/alice", kHash);
  Put("grantee-privileges/gone/Collection/default.c1", "f74feb0b2159ccf6");
  Put("grantee-id/f74feb0b2159ccf6/PrivilegeInsert", "root");
  Put("user-role-mapping/alice/gone");
  Put("user-role-mapping/gone/public");
  EXPECT_THAT(Items(), ElementsAre(AccessItem::User("alice")));
}

TEST_F(AccessBuilderTest, OldGrantsAreOfTheDefaultDatabase) {
  Put("grantee-privileges/public/Collection/c1", "1");
  Put("grantee-id/1/PrivilegeSearch", "root");
  EXPECT_THAT(Items(),
              ElementsAre(AccessItem::Grant("public", "Collection", "default", "c1", "Search")));
}

TEST_F(AccessBuilderTest, KeysOfOtherShapesAreIgnored) {
  Put("users/tenant/alice", kHash);
  Put("roles/tenant/reader");
  Put("something/else", "x");
  Put("grantee-privileges/public", "1");
  builder_.Delete("never/there");
  EXPECT_THAT(Items(), IsEmpty());
}

TEST_F(AccessBuilderTest, TheSameAccessIsTheSameObject) {
  const auto before = Build();
  EXPECT_EQ(Build(), before);
  Put("users/root", R"({"encrypted_password":"another"})");
  EXPECT_EQ(Build(), before);
}

TEST_F(AccessBuilderTest, NoRolesAtAllIsUnknown) {
  builder_.Delete("roles/admin");
  builder_.Delete("roles/public");
  EXPECT_EQ(Build(), nullptr);
}

TEST(AccessBuilder, NothingIsUnknown) { EXPECT_EQ(AccessBuilder().Build(nullptr), nullptr); }

}  // namespace
}  // namespace cdc
