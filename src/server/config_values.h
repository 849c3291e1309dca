#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cdc {

// The environment variables of a process, by name.
using Environment = std::map<std::string, std::string>;
Environment ProcessEnvironment();

// A text as YAML, with quotation marks where it needs them.
std::string QuoteForYaml(std::string_view text);

// The value of a key as it was given.
struct ConfigValue {
  std::string text;                        // of anything but a list or a map
  std::vector<std::string> list;           // ConfigKeyType::kList
  std::map<std::string, std::string> map;  // ConfigKeyType::kMap
  bool quoted = false;                     // in YAML: a text, whatever it looks like
  std::string place;                       // for errors: "cdc.yaml: line 3, column 5"
  std::string origin;                      // for people: "file, line 3"
};

// What the file, the environment and the files of secrets say, by key. It collects errors instead
// of stopping at the first one; no message ever quotes a value.
class ConfigValues {
 public:
  // The environment takes precedence over the file. An unknown key is a warning, one without effect
  // a note. `name` stands for the file in messages.
  static ConfigValues Collect(const std::string& text,
                              const std::string& name,
                              const Environment& environment);

  // nullptr: not given. All paths must be keys of ConfigKeys.
  const ConfigValue* Find(std::string_view path) const;

  // They leave the default if the key is not given, or if its value has the wrong type, which is an
  // error.
  void Read(std::string_view path, std::string* value);
  void Read(std::string_view path, int* value);
  void Read(std::string_view path, int64_t* value);
  void Read(std::string_view path, bool* value);
  void Read(std::string_view path, std::map<std::string, std::string>* value);
  void Read(std::string_view path, std::vector<std::string>* value);

  // Adds an error: where the key is, the key, and `message`.
  void Fail(std::string_view path, std::string_view message);
  // Adds a note: where the key is, the key, and `message`.
  void Note(std::string_view path, std::string_view message);
  // Adds a warning about the file as a whole.
  void Warn(std::string_view message);

  // kInvalidArgument with a line for each error.
  Status status() const;
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<std::string>& notes() const { return notes_; }

  // The keys that have been read, in lower case, with the defaults that they replace, as YAML. For
  // tests.
  const std::map<std::string, std::string>& read() const { return read_; }

 private:
  friend class ConfigCollector;

  const ConfigValue* Use(std::string_view path, std::string default_value);
  std::string Message(std::string_view path, std::string_view message) const;
  template <class Integer>
  void ReadInteger(std::string_view path, Integer* value);

  std::string name_;
  std::map<std::string, ConfigValue> values_;  // by path in lower case
  std::vector<std::string> errors_;
  std::vector<std::string> warnings_;
  std::vector<std::string> notes_;
  std::map<std::string, std::string> read_;
};

}  // namespace cdc
