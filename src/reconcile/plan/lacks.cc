#include "reconcile/plan/lacks.h"

#include <charconv>
#include <compare>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace cdc {
namespace {

struct Version {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Version&) const = default;
  std::string ToString() const { return std::to_string(major) + "." + std::to_string(minor); }
};

// "2.3.5" and "v2.4.1-dev".
std::optional<Version> ParseVersion(std::string_view text) {
  if (text.starts_with('v')) {
    text.remove_prefix(1);
  }
  Version version;
  const char* const end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') {
    return std::nullopt;
  }
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  return minor.ec == std::errc() ? std::optional(version) : std::nullopt;
}

// The first version with a type; nullopt: 2.2 or older.
std::optional<Version> FirstWith(DataType type) {
  switch (type) {
    case DataType::kArray: return Version{2, 3};
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector:
    case DataType::kSparseFloatVector: return Version{2, 4};
    case DataType::kInt8Vector:
    case DataType::kGeometry:
    case DataType::kTimestamptz: return Version{2, 6};
    default: return std::nullopt;
  }
}

std::optional<Version> FirstWithIndex(const std::string& type) {
  static const std::map<std::string, Version> versions = {
      {"INVERTED", {2, 4}},    {"SPARSE_INVERTED_INDEX", {2, 4}},
      {"SPARSE_WAND", {2, 4}}, {"BITMAP", {2, 5}},
      {"HNSW_SQ", {2, 5}},     {"HNSW_PQ", {2, 5}},
      {"HNSW_PRQ", {2, 5}},    {"IVF_RABITQ", {2, 6}},
      {"MINHASH_LSH", {2, 6}}, {"NGRAM", {2, 6}},
      {"RTREE", {2, 6}}};
  const auto found = versions.find(type);
  return found == versions.end() ? std::nullopt : std::optional(found->second);
}

class Search {
 public:
  explicit Search(Version version) : version_(version) {}

  void Need(const std::string& what, const std::optional<Version>& first) {
    if (first && version_ < *first) {
      found_.push_back(what + " needs Milvus " + first->ToString() + ", and the target is a " +
                       version_.ToString());
    }
  }
  std::vector<std::string> found() && { return std::move(found_); }

 private:
  const Version version_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> WhatVersionLacks(const Collection& source, const std::string& version) {
  const std::optional<Version> parsed = ParseVersion(version);
  if (!parsed) {
    return {};
  }
  constexpr Version kNullable{2, 5};
  Search search(*parsed);
  for (const Field& field : source.schema.fields) {
    const std::string what = "field " + field.name + ": ";
    search.Need(what + DataTypeName(field.type), FirstWith(field.type));
    if (field.nullable) {
      search.Need(what + "that it is nullable", kNullable);
    }
    if (!field.default_value.empty()) {
      search.Need(what + "its default value", kNullable);
    }
  }
  if (!source.schema.functions.empty()) {
    search.Need("a function", kNullable);
  }
  for (const Index& index : source.indexes) {
    for (const KeyValue& param : index.params) {
      if (param.key == "index_type") {
        search.Need("index " + index.name + ": " + param.value, FirstWithIndex(param.value));
      }
    }
  }
  return std::move(search).found();
}

}  // namespace cdc
