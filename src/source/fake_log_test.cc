#include "gtest/gtest.h"
#include "source/testing/fake_source.h"
#include "source/testing/log_contract.h"

namespace cdc {
namespace {

TEST(FakeLogTest, FulfillsTheContract) {
  FakeLog log;
  LogContract contract;
  contract.log = &log;
  contract.prefix = "c";
  contract.write = [&log](const std::string& channel, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      log.Append(channel, value);
    }
  };
  contract.Run();
}

}  // namespace
}  // namespace cdc
