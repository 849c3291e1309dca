#include "events/event_source.h"

#include <algorithm>
#include <limits>

namespace cdc {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kNsPerUs = 1'000;

void AppendTextOrNull(std::string_view text, JsonBuffer* out) {
  if (text.empty()) {
    out->Append("null");
  } else {
    out->AppendString(text);
  }
}

// The part of "<pchannel>_<collection id>v<shard>".
std::string_view PchannelOf(std::string_view vchannel) {
  const size_t end = vchannel.rfind('_');
  return end == std::string_view::npos ? std::string_view() : vchannel.substr(0, end);
}

}  // namespace

void AppendSourceStart(const EventOptions& options, JsonBuffer* out) {
  out->Append(R"({"version":)");
  out->AppendString(options.version);
  out->Append(R"(,"connector":"milvus","name":)");
  out->AppendString(options.name);
}

void AppendSourceStart(const CollectionName& collection,
                       const EventOptions& options,
                       JsonBuffer* out) {
  AppendSourceStart(options, out);
  out->Append(R"(,"db":)");
  out->AppendString(collection.database);
  out->Append(R"(,"collection":)");
  AppendTextOrNull(collection.collection, out);
}

void AppendPlace(std::string_view partition, std::string_view vchannel, JsonBuffer* out) {
  out->Append(R"(,"partition":)");
  AppendTextOrNull(partition, out);
  out->Append(R"(,"pchannel":)");
  AppendTextOrNull(PchannelOf(vchannel), out);
  out->Append(R"(,"vchannel":)");
  AppendTextOrNull(vchannel, out);
  out->Append(R"(,"snapshot":)");
}

void AppendTimes(int64_t unix_ns, JsonBuffer* out) {
  out->Append(R"("ts_ms":)");
  out->AppendInt(unix_ns / kNsPerMs);
  out->Append(R"(,"ts_us":)");
  out->AppendInt(unix_ns / kNsPerUs);
  out->Append(R"(,"ts_ns":)");
  out->AppendInt(unix_ns);
}

void AppendStamp(Timestamp time, JsonBuffer* out) {
  // A time of the source that is no time of ours: the other numbers are right.
  constexpr int64_t kLastMs = std::numeric_limits<int64_t>::max() / kNsPerMs;
  AppendTimes(std::min(time.UnixMs(), kLastMs) * kNsPerMs, out);
  out->Append(R"(,"tso":)");
  out->AppendUnsigned(time.value);
  out->Append(R"(,"tso_text":")");
  out->AppendUnsigned(time.value);
  out->Append("\"");
}

}  // namespace cdc
