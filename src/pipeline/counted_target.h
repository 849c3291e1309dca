#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "model/task.h"
#include "sink/target.h"

namespace cdc {

// A target that counts the calls which it has executed. Thread-safe.
class CountedTarget : public Target {
 public:
  // By the name that Milvus gives to the call or its message: "CreateIndex", "Insert". Rows for a
  // standby travel as "ReplicateMessage".
  virtual std::map<std::string, uint64_t> Calls() const = 0;
};

std::unique_ptr<CountedTarget> NewCountedTarget(std::unique_ptr<Target> target, SinkMode mode);

}  // namespace cdc
