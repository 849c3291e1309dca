#pragma once

#include <string>
#include <string_view>

namespace cdc {

enum class ConfigKeyKind {
  kUnknown,
  kUsed,
  kSection,   // holds other keys
  kNoEffect,  // for other programs that read this file; unused here
};

// The kind of a key given by its full path ("sourceConfig.etcd.address") in any letter case.
ConfigKeyKind LookUpConfigKey(std::string_view path);

// The known key that was probably meant by an unknown one; empty if none is similar.
std::string NearestConfigKey(std::string_view path);

// Compares two paths, ignoring letter case.
bool SameConfigKey(std::string_view a, std::string_view b);

}  // namespace cdc
