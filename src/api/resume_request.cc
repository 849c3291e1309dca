#include "api/resume_request.h"

#include "api/change_request.h"
#include "api/create_request.h"

namespace cdc {
namespace {

Result<GivenPositions> ReadPlaces(const CollectionName& name,
                                  const std::map<std::string, std::string>& positions) {
  if (positions.empty()) {
    return InvalidArgumentError("the positions of collection " + name.ToString() +
                                " are empty: give one for each of its channels, or leave it out");
  }
  return ReadGivenPositions(positions);
}

}  // namespace

ResumeRequest ReadResumeRequest(const RequestReader& reader) {
  ResumeRequest request;
  reader.Read("on_undecodable", &request.on_undecodable);
  reader.ReadTime("stop_at", &request.stop_at);
  reader.Read("positions", &request.positions);
  reader.Read("force", &request.force);
  return request;
}

Result<ResumeOptions> ValidateResume(const ResumeRequest& request, std::string* field) {
  const auto about = [field](const char* name, Status status) {
    if (!status.ok() && field != nullptr) {
      *field = name;
    }
    return status;
  };
  ResumeOptions options;
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
  for (const auto& [text, positions] : request.positions) {
    const CollectionName name = ParseCollectionName(text);
    const Result<GivenPositions> read = ReadPlaces(name, positions);
    CDC_RETURN_IF_ERROR(about("positions", read.status()));
    if (!options.positions.emplace(name, *read).second) {
      return about("positions", InvalidArgumentError("collection " + name.ToString() +
                                                     " is named twice: leave one of them out"));
    }
  }
  options.force = request.force;
  if (options.force && options.positions.empty()) {
    return about("force",
                 InvalidArgumentError("force is for positions, and there are none: leave it out"));
  }
  return options;
}

}  // namespace cdc
