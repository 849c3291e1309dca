#pragma once

#include <stop_token>

#include "base/thread.h"

namespace cdc::cli {

// Turns the first SIGINT or SIGTERM into a stop token; the next one ends the process as usual.
// Create it before any other thread, since threads inherit the blocked signals. Only one at a time.
class Interruption {
 public:
  Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  ~Interruption();

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

}  // namespace cdc::cli
