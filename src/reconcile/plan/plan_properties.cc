#include "reconcile/plan/plan_properties.h"

#include <algorithm>
#include <iterator>

namespace cdc {

bool IsReplicatedProperty(const KeyValue& property) {
  return !property.key.starts_with("replicate.");
}

bool NeedsRelease(const KeyValue& property) {
  return property.key.find("mmap") != std::string::npos;
}

std::vector<KeyValue> MissingProperties(const std::vector<KeyValue>& wanted,
                                        const std::vector<KeyValue>& actual) {
  std::vector<KeyValue> missing;
  std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(missing),
               [&](const KeyValue& each) {
                 return IsReplicatedProperty(each) &&
                        std::find(actual.begin(), actual.end(), each) == actual.end();
               });
  std::sort(missing.begin(), missing.end());
  return missing;
}

}  // namespace cdc
