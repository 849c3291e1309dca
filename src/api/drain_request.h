#pragma once

#include "api/request_reader.h"
#include "base/status.h"
#include "control/drain.h"

namespace cdc {

// A request that begins a drain, or ends one.
struct DrainRequest {
  bool cancel = false;
  int timeout_ms = 600'000;
  bool accept_waiting = false;

  DrainOptions options() const;
};

DrainRequest ReadDrainRequest(const RequestReader& reader);

// kInvalidArgument: the timeout is none, or longer than a day.
Status CheckDrainRequest(const DrainRequest& request);

}  // namespace cdc
