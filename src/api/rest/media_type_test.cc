#include "api/rest/media_type.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(MediaTypeTest, Json) {
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8",
                           "application/merge-patch+json", " application/json "}) {
    EXPECT_TRUE(IsJson(type)) << type;
  }
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "text/json",
                           "application/jsonp", ";application/json"}) {
    EXPECT_FALSE(IsJson(type)) << type;
  }
}

TEST(MediaTypeTest, Accept) {
  for (const char* accept :
       {"", " ", "*/*", "application/json", "text/html, application/json;q=0.1", "application/*",
        "text/html, */*;q=0.1", "*/*;q=0, application/json", "APPLICATION/JSON ; Q=1"}) {
    EXPECT_TRUE(AcceptsJson(accept)) << accept;
  }
  for (const char* accept : {"text/html", "application/xml, text/*", "application/json;q=0, */*",
                             "application/json;q=0.000", ",", "*/*;q=0"}) {
    EXPECT_FALSE(AcceptsJson(accept)) << accept;
  }
}

}  // namespace
}  // namespace cdc
