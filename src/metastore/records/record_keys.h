#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/ids.h"

// The keys of the records. Each thing that is stored has one of its own:
//
//   version                                     of this layout
//   task/<task>
//   progress/<task>/checkpoint/<channel>
//   progress/<task>/collection/<collection>
//   progress/<task>/snapshot/<collection>       without its segments
//   progress/<task>/segment/<collection>/<segment>
//   progress/<task>/aside/<collection>
//   progress/<task>/database/<name>
//   progress/<task>/access                     all of them
//   progress/<task>/source
//   log_keys/<task>/<collection>/<number>       apart: they may be large, and few calls read them
namespace cdc::record_keys {

// Letters, digits, '-', '_' and '.' as they are, other bytes as %xx: a key has no other slashes
// than its own.
std::string Escape(std::string_view text);
// nullopt: Escape does not write this.
std::optional<std::string> Unescape(std::string_view text);

inline constexpr const char* kVersion = "version";
inline constexpr int64_t kLayoutVersion = 1;
inline constexpr const char* kTasks = "task/";
inline constexpr const char* kProgress = "progress/";
inline constexpr const char* kLogKeys = "log_keys/";

inline std::string Task(std::string_view task) { return kTasks + Escape(task); }
inline std::string Progress(std::string_view task) { return kProgress + Escape(task) + "/"; }
inline std::string LogKeys(std::string_view task) { return kLogKeys + Escape(task) + "/"; }
inline std::string LogKeys(std::string_view task, CollectionId id) {
  return LogKeys(task) + std::to_string(id.value) + "/";
}
// Of equal length, so that they sort by number.
std::string Number(uint64_t number);

// Whether all of `text` is a decimal number.
bool ReadNumber(std::string_view text, int64_t* number);

// The part of `key` after `prefix` up to the next slash or the end.
std::string_view NextPart(std::string_view key, std::string_view prefix);

}  // namespace cdc::record_keys
