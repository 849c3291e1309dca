#include "milvus/milvus_status.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "common.pb.h"
#include "milvus.pb.h"

namespace cdc {
namespace {

namespace common = ::milvus::proto::common;

struct CodeRule {
  int first;
  int last;
  StatusCode code;
  bool clean;  // refused before anything was written
};

// Milvus' own codes. kNotFound is reserved for databases, collections, partitions, indexes and
// aliases: removing what is not found counts as success.
constexpr CodeRule kCodes[] = {
    {2, 2, StatusCode::kUnavailable, true},
    {3, 4, StatusCode::kResourceExhausted, true},  // memory limit, request limit
    {5, 5, StatusCode::kInternal, false},
    {6, 6, StatusCode::kInvalidArgument, true},    // Milvus Lite: any illegal argument
    {7, 9, StatusCode::kResourceExhausted, true},  // disk limit, rate limit, quota
    {10, 10, StatusCode::kUnimplemented, true},
    {35, 35, StatusCode::kAlreadyExists, true},         // Milvus Lite: index
    {100, 100, StatusCode::kNotFound, true},            // collection
    {101, 101, StatusCode::kFailedPrecondition, true},  // collection not loaded
    {102, 102, StatusCode::kFailedPrecondition, true},  // number of collections
    {103, 103, StatusCode::kUnavailable, true},         // not fully loaded
    {104, 104, StatusCode::kFailedPrecondition, true},
    {105, 105, StatusCode::kInvalidArgument, true},
    {106, 106, StatusCode::kUnavailable, true},         // recovering
    {108, 109, StatusCode::kFailedPrecondition, true},  // replicate mode, schema mismatch
    {200, 200, StatusCode::kNotFound, true},            // partition
    {201, 201, StatusCode::kFailedPrecondition, true},
    {202, 202, StatusCode::kUnavailable, true},
    {300, 300, StatusCode::kFailedPrecondition, true},  // resource group
    {400, 499, StatusCode::kUnavailable, false},        // replicas
    {500, 699, StatusCode::kUnavailable, false},        // channels, segments
    {700, 700, StatusCode::kNotFound, true},            // index
    {701, 701, StatusCode::kInvalidArgument, true},
    {702, 702, StatusCode::kAlreadyExists, true},
    {800, 800, StatusCode::kNotFound, true},            // database
    {801, 801, StatusCode::kFailedPrecondition, true},  // number of databases
    {802, 802, StatusCode::kInvalidArgument, true},
    {900, 1099, StatusCode::kUnavailable, false},  // nodes, storage
    {1100, 1199, StatusCode::kInvalidArgument, true},
    {1300, 1300, StatusCode::kUnavailable, false},
    {1301, 1301, StatusCode::kFailedPrecondition, true},
    {1302, 1302, StatusCode::kUnavailable, false},        // message queue
    {1303, 1303, StatusCode::kFailedPrecondition, true},  // a standby
    {1400, 1400, StatusCode::kUnauthenticated, true},
    {1401, 1401, StatusCode::kPermissionDenied, true},
    {1402, 1402, StatusCode::kInvalidArgument, true},
    {1600, 1600, StatusCode::kNotFound, true},  // aliases
    {1601, 1601, StatusCode::kFailedPrecondition, true},
    {1602, 1602, StatusCode::kAlreadyExists, true},
    {1603, 1603, StatusCode::kNotFound, true},
    {1700, 1701, StatusCode::kInvalidArgument, true},  // fields
    {1900, 1900, StatusCode::kFailedPrecondition, true},
    {1901, 1901, StatusCode::kInvalidArgument, true},
    {1902, 1902, StatusCode::kUnavailable, false},  // no segment for an insert
    {1903, 1903, StatusCode::kFailedPrecondition, true},
    {2000, 2099, StatusCode::kInternal, false},
    {10000, 10000, StatusCode::kAborted, false},  // cancelled by the server
    {10001, 10001, StatusCode::kDeadlineExceeded, false},
};

// The numbers of common.ErrorCode, the only ones from servers up to 2.2. Milvus 2.3 sends them in
// addition to its codes.
constexpr CodeRule kLegacyCodes[] = {
    {3, 3, StatusCode::kPermissionDenied, true},
    {4, 4, StatusCode::kNotFound, true},  // collection
    {5, 5, StatusCode::kInvalidArgument, true},
    {25, 25, StatusCode::kNotFound, true},           // index
    {48, 49, StatusCode::kResourceExhausted, true},  // quota, rate limit
    {52, 54, StatusCode::kResourceExhausted, true},  // memory, disk
    {56, 57, StatusCode::kUnavailable, true},        // not ready
};

constexpr CodeRule kUnknownCode{0, 0, StatusCode::kUnknown, false};

struct TextRule {
  std::string_view text;
  CodeRule rule;
};

// "Already exists", "not empty" and others have no code of their own: servers send 65535 or 1,
// Milvus Lite 1 or 6. The first match counts.
constexpr TextRule kTexts[] = {
    {"already exist", {0, 0, StatusCode::kAlreadyExists, true}},
    {"duplicated new collection name", {0, 0, StatusCode::kAlreadyExists, true}},
    {"must drop all aliases", {0, 0, StatusCode::kFailedPrecondition, true}},
    {"via alias", {0, 0, StatusCode::kFailedPrecondition, true}},
    {"use an alias to rename", {0, 0, StatusCode::kFailedPrecondition, true}},
    {"conflicts with an existing", {0, 0, StatusCode::kFailedPrecondition, true}},
    {"create duplicate collection", {0, 0, StatusCode::kAlreadyExists, true}},
    {"at most one distinct index", {0, 0, StatusCode::kAlreadyExists, true}},
    {"creating multiple indexes", {0, 0, StatusCode::kAlreadyExists, true}},
    {"not empty", {0, 0, StatusCode::kFailedPrecondition, true}},
    {"cannot be dropped", {0, 0, StatusCode::kFailedPrecondition, true}},
    {"does not exist", {0, 0, StatusCode::kNotFound, true}},
    {"collection not found", {0, 0, StatusCode::kNotFound, true}},
    {"database not found", {0, 0, StatusCode::kNotFound, true}},
    {"partition not found", {0, 0, StatusCode::kNotFound, true}},
    {"rate limit", {0, 0, StatusCode::kResourceExhausted, true}},
    {"code = Unavailable", {0, 0, StatusCode::kUnavailable, false}},
    {"connection refused", {0, 0, StatusCode::kUnavailable, false}},
    {"context deadline exceeded", {0, 0, StatusCode::kDeadlineExceeded, false}},
    {"context canceled", {0, 0, StatusCode::kAborted, false}},
    {"getSegmentID failed", {0, 0, StatusCode::kUnavailable, false}},  // ReplicateMessage
    {"not ready", {0, 0, StatusCode::kUnavailable, false}},
    {"not healthy", {0, 0, StatusCode::kUnavailable, false}},
    {"is not serving", {0, 0, StatusCode::kUnavailable, false}},
    {"node not match", {0, 0, StatusCode::kUnavailable, false}},
};

template <size_t N>
const CodeRule* FindCode(const CodeRule (&rules)[N], int code) {
  const auto found = std::find_if(std::begin(rules), std::end(rules), [code](const CodeRule& rule) {
    return rule.first <= code && code <= rule.last;
  });
  return found == std::end(rules) ? nullptr : found;
}

// Before 2.3.4, bit 16 of the code meant "retriable".
constexpr int kRetriableBit = 1 << 16;

// Deprecated, but the only code that an old server sends.
int LegacyCode(const common::Status& status) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  return status.error_code();
#pragma GCC diagnostic pop
}

int PlainCode(const common::Status& status) { return status.code() & ~kRetriableBit; }

bool SaysRetriable(const common::Status& status) {
  return status.retriable() || (status.code() & kRetriableBit) != 0;
}

CodeRule Classify(const common::Status& status) {
  const int code = PlainCode(status);
  const int legacy = LegacyCode(status);
  const CodeRule* rule = nullptr;
  if (code > 1) {
    rule = FindCode(kCodes, code);
  } else {
    // Code 1 is "not ready" from Milvus, which also sends a legacy code, but anything from Milvus
    // Lite.
    rule = FindCode(kLegacyCodes, legacy);
  }
  const bool is_vague = rule == nullptr || rule->code == StatusCode::kInternal ||
                        (rule->code == StatusCode::kInvalidArgument && code == 6);
  if (!is_vague) {
    return *rule;
  }
  for (const TextRule& text : kTexts) {
    if (status.reason().find(text.text) != std::string::npos) {
      return text.rule;
    }
  }
  if (SaysRetriable(status)) {
    return {0, 0, StatusCode::kUnavailable, false};
  }
  return rule == nullptr ? kUnknownCode : *rule;
}

bool IsSuccess(const common::Status& status) {
  return status.code() == 0 && LegacyCode(status) == 0;
}

}  // namespace

Status FromMilvusStatus(const common::Status& status) {
  if (IsSuccess(status)) {
    return OkStatus();
  }
  const int code = status.code() != 0 ? PlainCode(status) : LegacyCode(status);
  return {Classify(status).code, status.reason() + " (code " + std::to_string(code) + ")"};
}

bool IsCleanRefusal(const common::Status& status) {
  return !IsSuccess(status) && Classify(status).clean;
}

Status FromMutationResult(const ::milvus::proto::milvus::MutationResult& result, bool* in_doubt) {
  *in_doubt = false;
  if (!IsSuccess(result.status())) {
    *in_doubt = !IsCleanRefusal(result.status());
    return FromMilvusStatus(result.status());
  }
  if (result.err_index_size() > 0) {
    *in_doubt = true;
    return {StatusCode::kUnknown,
            "the target refused some rows, count: " + std::to_string(result.err_index_size())};
  }
  return OkStatus();
}

}  // namespace cdc
