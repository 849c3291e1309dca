#pragma once

#include <string>
#include <string_view>

namespace cdc {

enum class ConfigKeyKind {
  kUnknown,
  kUsed,
  kSection,   // holds other keys
  kNoEffect,  // read by other programs of this file; nothing here depends on it
};

// What is known of a key, given by its full path ("sourceConfig.etcd.address") in any letter case.
ConfigKeyKind LookUpConfigKey(std::string_view path);

// The known key that an unknown one was probably meant to be; empty if none is near.
std::string NearestConfigKey(std::string_view path);

// Whether two paths are equal but for letter case.
bool SameConfigKey(std::string_view a, std::string_view b);

}  // namespace cdc
