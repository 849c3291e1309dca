#pragma once

#include <atomic>
#include <string>
#include <string_view>

namespace cdc {
namespace fault_point_internal {

extern std::atomic<bool> armed;
void Pass(std::string_view name);

}  // namespace fault_point_internal

// A place where a test can let the process die as if by kill -9. Nothing happens, and it costs a
// relaxed load, unless ArmFaultPoint was called.
//
// A name may end with a dot and a detail: `after_ddl.CreateCollection` is both this and
// `after_ddl`.
inline void FaultPoint(std::string_view name) {
  if (fault_point_internal::armed.load(std::memory_order_relaxed)) [[unlikely]] {
    fault_point_internal::Pass(name);
  }
}

// Kills the process when it passes the fault points of this name for the `pass`-th time, counted
// from 1 over all threads. Call it once, before the threads that pass them.
void ArmFaultPoint(std::string name, int pass);

}  // namespace cdc
