#include "api/change_request.h"

#include <string>

#include "model/ids.h"

namespace cdc {
namespace {

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") == std::string::npos;
}

}  // namespace

CollectionName ParseCollectionName(const std::string& text) {
  const size_t dot = text.find('.');
  return dot == std::string::npos ? CollectionName{kDefaultDatabase, text}
                                  : CollectionName{text.substr(0, dot), text.substr(dot + 1)};
}

ChangeRequest ReadChangeRequest(const RequestReader& reader, TaskManager::CollectionChange change) {
  ChangeRequest request{.change = change};
  std::vector<std::string> names;
  reader.Read("collections", &names);
  for (const std::string& name : names) {
    request.collections.push_back(ParseCollectionName(name));
  }
  if (change != TaskManager::CollectionChange::kCopy) {
    return request;
  }
  bool cancel = false;
  reader.Read("cancel", &cancel);
  std::vector<std::string> partitions;
  reader.Read("partitions", &partitions);
  request.selection.partitions = {partitions.begin(), partitions.end()};
  reader.Read("filter", &request.selection.filter);
  if (cancel) {
    request.change = TaskManager::CollectionChange::kCancel;
  }
  return request;
}

Status CheckChangeRequest(const ChangeRequest& request) {
  const CopySelection& selection = request.selection;
  if (request.change == TaskManager::CollectionChange::kCancel && !selection.IsAll()) {
    return InvalidArgumentError(
        "cancel ends a copy whatever it copies: leave out partitions and filter");
  }
  if (!selection.filter.empty() && IsBlank(selection.filter)) {
    return InvalidArgumentError("filter is blank: leave it out, or write an expression");
  }
  if (request.collections.empty()) {
    return InvalidArgumentError("collections is empty");
  }
  return OkStatus();
}

}  // namespace cdc
