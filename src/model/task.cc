#include "model/task.h"

#include <algorithm>

namespace cdc {

std::string_view TaskStateName(TaskState state) {
  switch (state) {
    case TaskState::kInitial: return "Initial";
    case TaskState::kRunning: return "Running";
    case TaskState::kPaused: return "Paused";
  }
  return "Unknown";
}

std::string_view StartFromName(StartFrom start) {
  switch (start) {
    case StartFrom::kLatest: return "latest";
    case StartFrom::kEarliest: return "earliest";
    case StartFrom::kSnapshot: return "snapshot";
  }
  return "unknown";
}

std::optional<StartFrom> ParseStartFrom(std::string_view name) {
  for (const StartFrom start : {StartFrom::kLatest, StartFrom::kEarliest, StartFrom::kSnapshot}) {
    if (name == StartFromName(start)) {
      return start;
    }
  }
  return std::nullopt;
}

std::string_view OnUndecodableName(OnUndecodable policy) {
  return policy == OnUndecodable::kSkip ? "skip" : "stop";
}

std::optional<OnUndecodable> ParseOnUndecodable(std::string_view name) {
  for (const OnUndecodable policy : {OnUndecodable::kStop, OnUndecodable::kSkip}) {
    if (name == OnUndecodableName(policy)) {
      return policy;
    }
  }
  return std::nullopt;
}

std::string_view SinkModeName(SinkMode mode) {
  switch (mode) {
    case SinkMode::kAuto: return "auto";
    case SinkMode::kApi: return "api";
    case SinkMode::kReplicate: return "replicate";
  }
  return "unknown";
}

std::optional<SinkMode> ParseSinkMode(std::string_view name) {
  for (const SinkMode mode : {SinkMode::kAuto, SinkMode::kApi, SinkMode::kReplicate}) {
    if (name == SinkModeName(mode)) {
      return mode;
    }
  }
  return std::nullopt;
}

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

}  // namespace cdc
