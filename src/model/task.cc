#include "model/task.h"

#include <algorithm>
#include <array>
#include <utility>

namespace cdc {

namespace {

template <typename Enum, size_t kSize>
using Names = std::array<std::pair<Enum, std::string_view>, kSize>;

template <typename Enum, size_t kSize>
std::string_view NameOf(const Names<Enum, kSize>& names, Enum value) {
  for (const auto& [named, name] : names) {
    if (named == value) {
      return name;
    }
  }
  return "unknown";
}

template <typename Enum, size_t kSize>
std::optional<Enum> ValueOf(const Names<Enum, kSize>& names, std::string_view text) {
  for (const auto& [value, name] : names) {
    if (name == text) {
      return value;
    }
  }
  return std::nullopt;
}

constexpr Names<TaskState, 3> kTaskStates{{{TaskState::kInitial, "Initial"},
                                           {TaskState::kRunning, "Running"},
                                           {TaskState::kPaused, "Paused"}}};
constexpr Names<StartFrom, 3> kStartFroms{{{StartFrom::kLatest, "latest"},
                                           {StartFrom::kEarliest, "earliest"},
                                           {StartFrom::kSnapshot, "snapshot"}}};
constexpr Names<SnapshotFrom, 2> kSnapshotFroms{
    {{SnapshotFrom::kStorage, "storage"}, {SnapshotFrom::kQuery, "query"}}};
constexpr Names<SnapshotLog, 3> kSnapshotLogs{
    {{SnapshotLog::kAuto, "auto"}, {SnapshotLog::kWait, "wait"}, {SnapshotLog::kApply, "apply"}}};
constexpr Names<SnapshotIndex, 2> kSnapshotIndexes{
    {{SnapshotIndex::kAfter, "after"}, {SnapshotIndex::kBefore, "before"}}};
constexpr Names<OnExpired, 2> kOnExpired{
    {{OnExpired::kStop, "stop"}, {OnExpired::kSnapshot, "snapshot"}}};
constexpr Names<OnCollectionError, 2> kOnCollectionError{
    {{OnCollectionError::kSetAside, "set_aside"}, {OnCollectionError::kPause, "pause"}}};
constexpr Names<OnUndecodable, 2> kOnUndecodable{
    {{OnUndecodable::kStop, "stop"}, {OnUndecodable::kSkip, "skip"}}};
constexpr Names<SinkMode, 3> kSinkModes{
    {{SinkMode::kAuto, "auto"}, {SinkMode::kApi, "api"}, {SinkMode::kReplicate, "replicate"}}};

}  // namespace

std::string_view TaskStateName(TaskState state) { return NameOf(kTaskStates, state); }

std::string_view StartFromName(StartFrom start) { return NameOf(kStartFroms, start); }

std::optional<StartFrom> ParseStartFrom(std::string_view name) {
  return ValueOf(kStartFroms, name);
}

std::string_view SnapshotFromName(SnapshotFrom from) { return NameOf(kSnapshotFroms, from); }

std::optional<SnapshotFrom> ParseSnapshotFrom(std::string_view name) {
  return ValueOf(kSnapshotFroms, name);
}

std::string_view SnapshotLogName(SnapshotLog log) { return NameOf(kSnapshotLogs, log); }

std::optional<SnapshotLog> ParseSnapshotLog(std::string_view name) {
  return ValueOf(kSnapshotLogs, name);
}

std::string_view SnapshotIndexName(SnapshotIndex index) { return NameOf(kSnapshotIndexes, index); }

std::optional<SnapshotIndex> ParseSnapshotIndex(std::string_view name) {
  return ValueOf(kSnapshotIndexes, name);
}

std::string_view OnExpiredName(OnExpired policy) { return NameOf(kOnExpired, policy); }

std::optional<OnExpired> ParseOnExpired(std::string_view name) { return ValueOf(kOnExpired, name); }

std::string_view OnCollectionErrorName(OnCollectionError policy) {
  return NameOf(kOnCollectionError, policy);
}

std::optional<OnCollectionError> ParseOnCollectionError(std::string_view name) {
  return ValueOf(kOnCollectionError, name);
}

std::string_view OnUndecodableName(OnUndecodable policy) { return NameOf(kOnUndecodable, policy); }

std::optional<OnUndecodable> ParseOnUndecodable(std::string_view name) {
  return ValueOf(kOnUndecodable, name);
}

std::string_view SinkModeName(SinkMode mode) { return NameOf(kSinkModes, mode); }

std::optional<SinkMode> ParseSinkMode(std::string_view name) { return ValueOf(kSinkModes, name); }

namespace {

// Converts the scheme to lower case.
std::string WithPlainScheme(std::string uri) {
  const size_t end = uri.find("://");
  for (size_t i = 0; end != std::string::npos && i < end; ++i) {
    uri[i] = uri[i] >= 'A' && uri[i] <= 'Z' ? static_cast<char>(uri[i] - 'A' + 'a') : uri[i];
  }
  return uri;
}

}  // namespace

std::string MilvusConnectParam::ResolvedUri() const {
  if (!uri.empty()) {
    return WithPlainScheme(uri);
  }
  // Old clients put a whole URI, including the port, into `host`.
  if (host.find("://") != std::string::npos) {
    return WithPlainScheme(host);
  }
  // An IPv6 address needs brackets in front of a port.
  const bool is_v6 = std::count(host.begin(), host.end(), ':') > 1 && !host.starts_with('[');
  return (enable_tls ? "https://" : "http://") + (is_v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

std::string MilvusConnectParam::ResolvedToken() const {
  if (!token.empty() || (username.empty() && password.empty())) {
    return token;
  }
  return username + ":" + password;
}

std::string MilvusConnectParam::ResolvedUser() const {
  const std::string text = ResolvedToken();
  const size_t colon = text.find(':');
  return colon == std::string::npos ? "" : text.substr(0, colon);
}

}  // namespace cdc
