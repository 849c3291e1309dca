#pragma once

#include <string>

#include "model/message.h"

namespace cdc {

// An insert or a delete as a part of a log line: "insert rows=2 id=[1, 2] name=['a', 'b']". Shows
// the first values of integer and string columns, or the first deleted keys; no vectors and no
// dynamic fields.
std::string ShowMessage(const Message& message);

}  // namespace cdc
