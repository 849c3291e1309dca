#include "cli/exit_code.h"

#include <cctype>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"

namespace cdc::cli {
namespace {

TEST(ExitCodeTest, EachIsInTheDocumentation) {
  const char* const source = std::getenv("CDC_SOURCE_DIR");
  ASSERT_NE(source, nullptr) << "CDC_SOURCE_DIR must name the sources";
  const auto text = ReadFile(std::string(source) + "/docs/cli.md");
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  std::istringstream lines(*text);
  std::set<int> documented;
  bool in_section = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("## ", 0) == 0) {
      in_section = line == "## Exit codes";
    }
    if (in_section && line.rfind("| ", 0) == 0 && std::isdigit(line[2]) != 0) {
      EXPECT_TRUE(documented.insert(std::atoi(line.c_str() + 2)).second) << line;
    }
  }
  std::set<int> known;
  for (const ExitCodeMeaning& each : ExitCodes()) {
    known.insert(static_cast<int>(each.code));
  }
  EXPECT_EQ(documented, known);
}

}  // namespace
}  // namespace cdc::cli
