// The configuration file.
//
// Input: the text of a cdc.yaml.
#include <string>

#include "fuzz.h"
#include "server/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto loaded = cdc::ParseConfig(text, "cdc.yaml");
  if (loaded.ok()) {
    FUZZ_EXPECT(loaded->config.max_task_num >= 0, "maxTaskNum");
    FUZZ_EXPECT(!loaded->config.source_etcd.address.empty(), "etcd address");
  } else {
    FUZZ_EXPECT(loaded.status().code() == cdc::StatusCode::kInvalidArgument,
                loaded.status().ToString());
    FUZZ_EXPECT(loaded.status().message().starts_with("cdc.yaml"), loaded.status().ToString());
  }
  return 0;
}
