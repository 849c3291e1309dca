#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace cdc {

// Reads the object of a request by the rules that clients rely on: a key is looked for as written
// and then in any letter case; unknown keys, missing keys and null leave the default; a number may
// stand for an integer (its fraction is cut off), nothing else stands for another type.
//
// Type errors are gathered in `errors`, which readers of inner objects share. The object and the
// errors must outlive the reader.
class RequestReader {
 public:
  using Json = nlohmann::json;

  RequestReader(const Json& object, std::string path, std::vector<std::string>* errors)
      : object_(object), path_(std::move(path)), errors_(errors) {}

  void Read(const char* key, std::string* value) const;
  void Read(const char* key, int* value) const;
  void Read(const char* key, bool* value) const;
  // As a text, but an error does not repeat the value.
  void ReadSecret(const char* key, std::string* value) const;
  void Read(const char* key, std::map<std::string, std::string>* value) const;

  void Read(const char* key, std::vector<std::string>* value) const;

  // Calls `visit` if the key holds an object.
  void Object(const char* key, const std::function<void(const RequestReader&)>& visit) const;

  // Calls `visit` for each element of a list of objects; null counts as an empty object.
  using VisitElement = std::function<void(const RequestReader&)>;
  void List(const char* key, const VisitElement& visit) const;

  // Calls `visit` for each element of each list of an object of lists, and `begin` before a list's
  // first element, also if there is none.
  void MapOfLists(const char* key,
                  const std::function<void(const std::string&)>& begin,
                  const VisitElement& visit) const;

 private:
  const Json* Find(const char* key) const;
  std::string PathOf(const char* key) const;
  void Elements(const Json& list, const std::string& path, const VisitElement& visit) const;
  void WrongType(const std::string& path,
                 const char* expected,
                 const Json& value,
                 bool secret = false) const;

  const Json& object_;
  const std::string path_;
  std::vector<std::string>* const errors_;
};

// All errors as one: "2 error(s) decoding:\n\n* 'a' …\n* 'b' …", sorted; ok if there is none.
Status DecodeErrors(std::vector<std::string> errors);

// The member of an object by the rules above; nullptr if there is none or it is null.
const nlohmann::json* FindMember(const nlohmann::json& object, const std::string& key);

}  // namespace cdc
