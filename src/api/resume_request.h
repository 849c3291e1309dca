#pragma once

#include <map>
#include <string>

#include "api/request_reader.h"
#include "base/status.h"
#include "control/task_manager.h"

namespace cdc {

// A resume as received; what is empty stays as it is.
struct ResumeRequest {
  std::string on_undecodable;
  std::string stop_at;  // "0": without an end
  // By "db.collection" or "collection", then by vchannel: base64, as in a create.
  std::map<std::string, std::map<std::string, std::string>> positions;
  bool force = false;
};

// Reads what has the right type; the reader collects the errors.
ResumeRequest ReadResumeRequest(const RequestReader& reader);

// kInvalidArgument: a value is wrong. `field`: receives the name of the field that an error is
// about.
Result<ResumeOptions> ValidateResume(const ResumeRequest& request, std::string* field = nullptr);

}  // namespace cdc
