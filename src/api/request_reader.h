#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace cdc {

// What is wrong with a field of a request.
struct FieldError {
  std::string field;    // "milvus_connect_param.port"
  std::string message;  // what stands behind its name: "expected type 'int', …"
  std::string separator = " ";

  std::string ToString() const { return "'" + field + "'" + separator + message; }
};

enum class Reading {
  // The rules clients of the Go program rely on: a key is looked up as written, then in any letter
  // case; unknown keys, missing keys and null keep the default; a number is accepted for an integer
  // (its fraction is dropped).
  kLenient,
  // Keys only as written; unknown keys, null, and numbers that are no integers are errors.
  kStrict,
};

// Reads a request's object. No type is accepted for another.
//
// Type errors are collected in `errors`, which readers of inner objects share. The object and the
// errors must outlive the reader.
class RequestReader {
 public:
  using Json = nlohmann::json;

  RequestReader(const Json& object,
                std::string path,
                std::vector<FieldError>* errors,
                Reading reading = Reading::kLenient)
      : object_(object), path_(std::move(path)), errors_(errors), reading_(reading) {}

  void Read(const char* key, std::string* value) const;
  void Read(const char* key, int* value) const;
  // In kStrict a number that is not from `min` to `max` is an error.
  void Read(const char* key, int* value, int min, int max) const;
  void Read(const char* key, bool* value) const;
  // As a string, but an error does not quote the value.
  void ReadSecret(const char* key, std::string* value) const;
  // A number without a fraction, or a string, as text: see ParseSourceTime.
  void ReadTime(const char* key, std::string* value) const;
  void Read(const char* key, std::map<std::string, std::string>* value) const;

  void Read(const char* key,
            std::map<std::string, std::map<std::string, std::string>>* value) const;
  void Read(const char* key, std::vector<std::string>* value) const;

  // Calls `visit` if the key holds an object.
  void Object(const char* key, const std::function<void(const RequestReader&)>& visit) const;

  // Calls `visit` for each element of a list of objects; null counts as an empty object.
  using VisitElement = std::function<void(const RequestReader&)>;
  void List(const char* key, const VisitElement& visit) const;

  // For an object of lists: calls `begin` for each list, even an empty one, then `visit` for each
  // of its elements.
  void MapOfLists(const char* key,
                  const std::function<void(const std::string&)>& begin,
                  const VisitElement& visit) const;

  // If it is strict, reports the keys that nothing has asked for. Call it when everything is read;
  // readers of inner objects do it by themselves.
  void ReportUnknown() const;

 private:
  const Json* Find(const char* key) const;
  // nullptr also for what is no object; that is an error of the request.
  const Json* FindMap(const char* key) const;
  std::string PathOf(const char* key) const;
  void Elements(const Json& list, const std::string& path, const VisitElement& visit) const;
  void WrongType(const std::string& path,
                 const char* expected,
                 const Json& value,
                 bool secret = false) const;
  void WrongKind(const std::string& path, const char* expected, const Json& value) const;
  void WrongList(const std::string& path, const Json& value) const;
  // Whether an element may be missing.
  bool IsNothing(const Json& element) const;

  const Json& object_;
  const std::string path_;
  std::vector<FieldError>* const errors_;
  const Reading reading_;
  mutable std::set<std::string> known_;  // keys that were asked for, if it is strict
};

// Combines all errors: "2 error(s) decoding:\n\n* 'a' …\n* 'b' …", sorted; OK if there are none.
Status DecodeErrors(const std::vector<FieldError>& errors);

// The member of an object by the lenient rules; nullptr if it is missing or null.
const nlohmann::json* FindMember(const nlohmann::json& object, const std::string& key);

}  // namespace cdc
