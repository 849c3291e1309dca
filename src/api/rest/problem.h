#pragma once

#include <string>
#include <vector>

#include "api/request_reader.h"
#include "base/status.h"
#include "http/message.h"

// Errors as RFC 9457 describes them: application/problem+json.
namespace cdc {

// `errors` says which fields of the request are wrong, and why.
HttpAnswer ProblemAnswer(int status,
                         const std::string& detail,
                         const std::vector<FieldError>& errors = {});

// The problem of an operation of the task manager that failed.
HttpAnswer ProblemOf(const Status& status);

}  // namespace cdc
