#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "model/access.h"

namespace cdc {

// Builds the Access of the source from Milvus' keys below "root-coord/credential/". The hash of a
// password is never kept. Not thread-safe.
//
// A privilege is the join of two keys: the grantee has an id, and the id has privileges. Either
// may come first, and Milvus leaves grantees behind when it drops a role.
class AccessBuilder {
 public:
  // `key` is what follows "root-coord/credential/". Keys that it does not know are ignored.
  void Put(std::string_view key, std::string_view value);
  void Delete(std::string_view key);

  // `before`: the last result. Returns that one if nothing has changed. nullptr: the source keeps
  // no users and roles, which is not the same as having removed them all.
  std::shared_ptr<const Access> Build(const std::shared_ptr<const Access>& before);

 private:
  Access Assemble() const;

  std::map<std::string, std::string, std::less<>> keys_;  // to the grantee's id, or empty
  bool touched_ = false;
};

}  // namespace cdc
