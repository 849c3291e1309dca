#include "model/task.h"

namespace cdc {

std::string_view TaskStateName(TaskState state) {
  switch (state) {
    case TaskState::kInitial: return "Initial";
    case TaskState::kRunning: return "Running";
    case TaskState::kPaused: return "Paused";
  }
  return "Unknown";
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

std::string MilvusConnectParam::ResolvedUri() const {
  if (!uri.empty()) {
    return uri;
  }
  // Old clients put a whole uri into `host`; the port is then part of it.
  if (host.find("http://") != std::string::npos || host.find("https://") != std::string::npos) {
    return host;
  }
  return (enable_tls ? "https://" : "http://") + host + ":" + std::to_string(port);
}

std::string MilvusConnectParam::ResolvedToken() const {
  if (!token.empty() || (username.empty() && password.empty())) {
    return token;
  }
  return username + ":" + password;
}

}  // namespace cdc
