#include "cli/output.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

TEST(OutputTest, WritesYamlThatReadsAsTheSameData) {
  const Json data = {{"name", "no"},
                     {"no", "1e3"},
                     {"ts", 470654699881627662},
                     {"lag", nullptr},
                     {"ok", true},
                     {"none", Json::array()},
                     {"nothing", Json::object()},
                     {"text", "a: \"b\"\n# c\té"},
                     {"rows", {{{"n", 1}}, {{"n", -2.5}}}}};
  EXPECT_EQ(Render(Output::kYaml, data),
            "name: \"no\"\n\"no\": \"1e3\"\nts: 470654699881627662\nlag: null\nok: true\n"
            "none: []\nnothing: {}\ntext: \"a: \\\"b\\\"\\n# c\\té\"\n"
            "rows:\n  - \"n\": 1\n  - \"n\": -2.5\n");
  const YAML::Node read = YAML::Load(Render(Output::kYaml, data));
  EXPECT_EQ(read["text"].as<std::string>(), data["text"].get<std::string>());
  EXPECT_EQ(read["ts"].as<int64_t>(), 470654699881627662);
}

TEST(OutputTest, SeparatesOneFromTheNext) {
  EXPECT_EQ(RenderOneOfMany(Output::kJson, {{"a", 1}}), "{\"a\":1}\n");
  EXPECT_EQ(RenderOneOfMany(Output::kYaml, {{"a", 1}}), "---\na: 1\n");
  EXPECT_EQ(Render(Output::kJson, {{"a", 1}}), "{\n  \"a\": 1\n}\n");
}

TEST(OutputTest, KnowsItsNames) {
  Output output = Output::kTable;
  EXPECT_TRUE(ReadOutput("yaml", &output));
  EXPECT_EQ(output, Output::kYaml);
  EXPECT_FALSE(ReadOutput("text", &output));
  EXPECT_EQ(output, Output::kYaml);
}

}  // namespace
}  // namespace cdc::cli
