#include "api/resume_request.h"

#include "api/create_request.h"

namespace cdc {

ResumeRequest ReadResumeRequest(const RequestReader& reader) {
  ResumeRequest request;
  reader.Read("on_undecodable", &request.on_undecodable);
  reader.ReadTime("stop_at", &request.stop_at);
  return request;
}

Result<TaskManager::ResumeOptions> ValidateResume(const ResumeRequest& request,
                                                  std::string* field) {
  const auto about = [field](const char* name, Status status) {
    if (!status.ok() && field != nullptr) {
      *field = name;
    }
    return status;
  };
  TaskManager::ResumeOptions options;
  if (!request.on_undecodable.empty()) {
    const Result<OnUndecodable> read = ReadOnUndecodable(request.on_undecodable);
    CDC_RETURN_IF_ERROR(about("on_undecodable", read.status()));
    options.on_undecodable = *read;
  }
  if (!request.stop_at.empty()) {
    const Result<Timestamp> read = ReadStopAt(request.stop_at);
    CDC_RETURN_IF_ERROR(about("stop_at", read.status()));
    options.stop_at = *read;
  }
  return options;
}

}  // namespace cdc
