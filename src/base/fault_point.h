#pragma once

#include <atomic>
#include <string>
#include <string_view>

namespace cdc {
namespace fault_point_internal {

extern std::atomic<bool> armed;
void Pass(std::string_view name);

}  // namespace fault_point_internal

// A place where a test can kill the process as if by kill -9. Unless ArmFaultPoint was called it
// does nothing and costs one relaxed load.
//
// A name may end with a dot and a detail: `after_ddl.CreateCollection` matches both its full name
// and `after_ddl`.
inline void FaultPoint(std::string_view name) {
  if (fault_point_internal::armed.load(std::memory_order_relaxed)) [[unlikely]] {
    fault_point_internal::Pass(name);
  }
}

// Kills the process on the `pass`-th pass of a fault point with this name, counted from 1 over all
// threads. Call it once, before starting the threads that pass them.
void ArmFaultPoint(std::string name, int pass);

}  // namespace cdc
