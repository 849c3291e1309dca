#include "base/fault_point.h"

#include <csignal>
#include <utility>

#include <unistd.h>

namespace cdc {
namespace fault_point_internal {
namespace {

// Written once, before `armed` is set, so reading it after `armed` needs no lock.
std::string& ArmedName() {
  static std::string name;
  return name;
}

std::atomic<int> passes_left{0};

bool Matches(std::string_view name, std::string_view wanted) {
  return name.starts_with(wanted) && (name.size() == wanted.size() || name[wanted.size()] == '.');
}

}  // namespace

std::atomic<bool> armed{false};

void Pass(std::string_view name) {
  // The relaxed load in FaultPoint may run ahead of ArmFaultPoint; this acquire makes the name
  // visible.
  if (armed.load(std::memory_order_acquire) && Matches(name, ArmedName()) &&
      passes_left.fetch_sub(1) == 1) {
    kill(getpid(), SIGKILL);
    // SIGKILL ends every thread, but this one may run on for a moment and must not pass the point.
    for (;;) {
      pause();
    }
  }
}

}  // namespace fault_point_internal

void ArmFaultPoint(std::string name, int pass) {
  fault_point_internal::ArmedName() = std::move(name);
  fault_point_internal::passes_left = pass;
  fault_point_internal::armed.store(true, std::memory_order_release);
}

}  // namespace cdc
