#pragma once

#include <string>

#include "base/status.h"
#include "model/task.h"

namespace cdc {

// Encodes a task's specification as the text we store, including secrets but not `id`. The text has
// its own version number, so that a later program can read it.
std::string EncodeTaskSpec(const TaskSpec& spec);

// kDataLoss: the text is malformed (the message has the cure), or written by a newer program.
Result<TaskSpec> DecodeTaskSpec(const std::string& id, const std::string& text);

}  // namespace cdc
