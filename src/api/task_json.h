#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "control/task_manager.h"
#include "model/ids.h"

// The JSON of answers. None of it ever holds a credential of a task.
namespace cdc {

// The answer to a request of POST /cdc.
struct ApiAnswer {
  int code = 0;      // 200, or the HTTP status that says why not; also in the body
  std::string body;  // JSON, ends with a newline
};

// A task as `get` and `list` show it at `now_unix_ms`: first the keys existing clients know, then
// ours.
nlohmann::ordered_json EncodeTask(const TaskView& view, int64_t now_unix_ms);

// A drain as in the answer to `drain`, and in the task.
nlohmann::ordered_json EncodeDrain(const DrainStatus& drain);

// What a change of a task means for the rows of its collections.
nlohmann::ordered_json EncodeScopeNotes(const std::vector<ScopeNote>& notes);

// The data of the answer to `events`.
nlohmann::ordered_json EncodeEvents(const std::vector<TaskEvent>& events);

// Whether everything up to `ts` is on the target, and what is missing.
nlohmann::ordered_json EncodeSynced(Timestamp ts, const std::vector<std::string>& missing);

// The data of the answer to `position`.
nlohmann::ordered_json EncodePositions(const TaskPositions& positions);

// `{"code":200,"data":{…}}`, without "data" if it is empty.
ApiAnswer EncodeSuccess(const nlohmann::ordered_json& data);
// `{"code":400,"message":"…"}`
ApiAnswer EncodeFailure(int code, const std::string& message);

}  // namespace cdc
