#pragma once

#include <string>

#include "base/status.h"
#include "model/task.h"

namespace cdc {

// A task's specification as the text we store, secrets included; `id` is not part of it. The text
// carries a version of its own, so that a later program can read what this one wrote.
std::string EncodeTaskSpec(const TaskSpec& spec);

// kDataLoss: the text is not one of ours, or a newer program wrote it.
Result<TaskSpec> DecodeTaskSpec(const std::string& id, const std::string& text);

}  // namespace cdc
