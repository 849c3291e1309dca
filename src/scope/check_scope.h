#pragma once

#include <string_view>

#include "base/status.h"
#include "model/task.h"

// Which names a task may be given: names that could never match anything are refused.
namespace cdc {

// Checks a name or pattern. kInvalidArgument: no name in Milvus can match it; the message has the
// reason and what to write instead. `what` names it in the message, e.g. "collection name".
//
// A name starts with a letter or an underscore, followed by letters, digits and underscores; Milvus
// 2.4 and later can be configured to allow more, usually `$` and `-`. Collection names, but not
// database names, may have blanks around them: only a glob matches those, since a blank written in
// a name is most likely a mistake.
Status CheckNamePattern(std::string_view what, std::string_view text);

// Checks what the user excludes. kInvalidArgument: a malformed entry, an entry that excludes
// nothing the task covers, or a name of the task of which nothing is left.
Status CheckExclude(const TaskSpec& spec, int max_name_length);

}  // namespace cdc
