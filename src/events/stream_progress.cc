#include "events/stream_progress.h"

#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "events/event_source.h"
#include "events/json_buffer.h"
#include "events/json_text.h"
#include "events/stored_json.h"

namespace cdc {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kWhatProgress = "the progress of a stream";

}  // namespace

std::string EncodeProgressKey(const StreamProgress& progress) {
  return EncodeWatermarkKey(progress.channel);
}

std::string EncodeProgress(const StreamProgress& progress) {
  Json applied = Json::array();
  for (const MsgId& id : progress.applied) {
    applied.push_back(EncodeBase64(id.bytes));
  }
  return JsonText({{"format", kStoredFormat},
                   {"position", EncodeBase64(progress.position.bytes)},
                   {"tso", progress.ts.value},
                   {"applied", std::move(applied)}});
}

Result<StreamProgress> DecodeProgress(std::string_view key, std::string_view value) {
  StreamProgress progress;
  const auto channel =
      ReadStored<std::string>(key, kWhatProgress, [](const Json& json) -> Result<std::string> {
        return json.at("channel").get<std::string>();
      });
  CDC_RETURN_IF_ERROR(channel.status());
  progress.channel = *channel;
  return ReadStored<StreamProgress>(
      value, kWhatProgress, [&](const Json& json) -> Result<StreamProgress> {
        CDC_RETURN_IF_ERROR(CheckFormat(json, kWhatProgress));
        progress.position = {ReadBytes(json.at("position"))};
        progress.ts = {json.at("tso").get_ref<const Json::number_unsigned_t&>()};
        for (const Json& id : json.at("applied")) {
          progress.applied.push_back({ReadBytes(id)});
        }
        return std::move(progress);
      });
}

std::string EncodeWatermarkKey(std::string_view channel) {
  Json key = {{"channel", nullptr}};
  if (!channel.empty()) {
    key["channel"] = channel;
  }
  return JsonText(key);
}

std::string EncodeWatermark(std::string_view channel,
                            Timestamp time,
                            EventTime now,
                            const EventOptions& options) {
  JsonBuffer out;
  out.Append(R"({"source":)");
  AppendSourceStart(options, &out);
  out.Append(R"(,"channel":)");
  channel.empty() ? out.Append("null") : static_cast<void>(out.AppendString(channel));
  out.Append(",");
  AppendStamp(time, &out);
  out.Append("},");
  AppendTimes(now.unix_ns, &out);
  out.Append("}");
  return std::string(out.text());
}

}  // namespace cdc
