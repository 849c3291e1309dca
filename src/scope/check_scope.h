#pragma once

#include <string_view>

#include "base/status.h"
#include "model/task.h"

// Which names a task may be given: everything that could only ever match nothing is refused.
namespace cdc {

// kInvalidArgument: a name or pattern that no name of a Milvus can match, with the reason and what
// to write instead. `what`: how the message calls it, e.g. "collection name".
//
// A name begins with a letter or an underscore and goes on with letters, digits, underscores; a
// Milvus from 2.4 on can be told to take more, usually `$` and `-`. The names of collections, but
// not those of databases, may have blanks around them: only a glob matches those, because who
// writes such a name has most likely not meant to.
Status CheckNamePattern(std::string_view what, std::string_view text);

// Of what the user excludes. kInvalidArgument: an entry that is none, or names nothing that the
// task covers; nothing is left of a name of the task.
Status CheckExclude(const TaskSpec& spec, int max_name_length);

}  // namespace cdc
