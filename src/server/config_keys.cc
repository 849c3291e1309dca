#include "server/config_keys.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "server/config_key_table.h"

namespace cdc {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// The number of characters to insert, delete or change to turn one into the other.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

std::string_view LastPart(std::string_view path, char separator) {
  return path.substr(path.rfind(separator) + 1);
}

// The name of the key that is most like `wanted`, where keys are called as `name_of` says.
std::string Nearest(std::string_view wanted,
                    char separator,
                    const std::function<std::string(std::string_view path)>& name_of) {
  constexpr size_t kFar = 3;
  const std::string lower = InLowerCase(wanted);
  const std::string_view last = LastPart(lower, separator);
  std::string nearest;
  size_t distance = kFar;
  for (const ConfigKey& key : ConfigKeys()) {
    const std::string name = name_of(key.path);
    const std::string known = InLowerCase(name);
    // The right name in the wrong section counts like one wrong letter.
    const size_t here = LastPart(known, separator) == last ? 1 : EditDistance(known, lower);
    if (here < distance) {
      distance = here;
      nearest = name;
    }
  }
  return nearest;
}

struct AllKeys {
  std::vector<std::string> names;  // of the keys that are not in the table
  std::vector<ConfigKey> keys;
};

const AllKeys& All() {
  static const AllKeys all = [] {
    AllKeys made;
    made.names.reserve(ConfigKeyTable().size());  // the keys point into it
    for (const ConfigKey& key : ConfigKeyTable()) {
      made.keys.push_back(key);
      if (key.type == ConfigKeyType::kSecret && key.used) {
        made.names.push_back(SecretFileKey(key.path));
        made.keys.push_back({.path = made.names.back(),
                             .type = ConfigKeyType::kText,
                             .default_value = "\"\"",
                             .about = "a file with it, instead; a final newline does not count"});
      }
    }
    return made;
  }();
  return all;
}

bool Is(const ConfigKey& key, std::string_view name, std::string_view wanted, char separator) {
  return SameConfigKey(name, wanted) ||
         (!key.used && wanted.size() > name.size() && wanted[name.size()] == separator &&
          SameConfigKey(name, wanted.substr(0, name.size())));
}

}  // namespace

const char* Requirement(ConfigKeyType type) {
  switch (type) {
    case ConfigKeyType::kSection: return "must be a section with keys";
    case ConfigKeyType::kList: return "must be a list of texts";
    case ConfigKeyType::kMap: return "must be a section with keys, with one value each";
    case ConfigKeyType::kInteger: return "must be an integer";
    case ConfigKeyType::kBool: return "must be true or false";
    case ConfigKeyType::kText:
    case ConfigKeyType::kSecret: break;
  }
  return "must be a text";
}

std::span<const ConfigKey> ConfigKeys() { return All().keys; }

bool SameConfigKey(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string InLowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return Lower(c); });
  return lower;
}

const ConfigKey* FindConfigKey(std::string_view path) {
  for (const ConfigKey& key : ConfigKeys()) {
    if (Is(key, key.path, path, '.')) {
      return &key;
    }
  }
  return nullptr;
}

std::string SecretFileKey(std::string_view secret) { return std::string(secret) + "File"; }

std::string EnvironmentName(std::string_view path) {
  std::string name(kEnvironmentPrefix);
  for (const char c : path) {
    name += c == '.' ? '_' : Upper(c);
  }
  return name;
}

const ConfigKey* FindByEnvironmentName(std::string_view name) {
  for (const ConfigKey& key : ConfigKeys()) {
    if (Is(key, EnvironmentName(key.path), name, '_')) {
      return &key;
    }
  }
  return nullptr;
}

std::string NearestConfigKey(std::string_view path) {
  return Nearest(path, '.', [](std::string_view known) { return std::string(known); });
}

std::string NearestEnvironmentName(std::string_view name) {
  return Nearest(name, '_', EnvironmentName);
}

}  // namespace cdc
