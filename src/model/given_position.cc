#include "model/given_position.h"

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

constexpr int kChannelName = 1;
constexpr int kMsgId = 2;
constexpr int kMsgGroup = 3;
constexpr int kTimestamp = 4;

// nullopt: it is none. An id alone may look like a message, but not like one with a channel's name.
std::optional<Takeover> ParseMsgPosition(std::string_view bytes) {
  Takeover place;
  bool has_channel = false;
  WireReader reader(bytes);
  while (reader.Next()) {
    // Milvus 2.6 has more fields.
    const bool is_time = reader.field() == kTimestamp;
    if (reader.field() <= kTimestamp &&
        reader.type() != (is_time ? WireType::kVarint : WireType::kBytes)) {
      return std::nullopt;
    }
    switch (reader.field()) {
      case kChannelName: has_channel = !reader.bytes().empty(); break;
      case kMsgId: place.position.bytes = std::string(reader.bytes()); break;
      case kMsgGroup: break;
      case kTimestamp: place.ts = Timestamp{reader.number()}; break;
      default: break;
    }
  }
  return reader.status().ok() && has_channel && !place.position.empty() ? std::optional(place)
                                                                        : std::nullopt;
}

template <class Check>
Status ForEachEntry(const TaskSpec& spec, Check check) {
  for (const CollectionInfo& info : spec.collection_infos) {
    CDC_RETURN_IF_ERROR(check(info));
  }
  for (const auto& [database, infos] : spec.db_collections) {
    for (const CollectionInfo& info : infos) {
      CDC_RETURN_IF_ERROR(check(info));
    }
  }
  return OkStatus();
}

Status InvalidVchannel(const std::string& name, const char* why) {
  return InvalidArgumentError("the vchannel is invalid, " + name + ", err: " + why);
}

}  // namespace

std::string EncodePositionText(std::string_view channel, const MsgId& id) {
  std::string message;
  wire::AppendBytesField(kChannelName, channel, &message);
  wire::AppendBytesField(kMsgId, id.bytes, &message);
  return EncodeBase64(message);
}

Result<Takeover> DecodePositionText(std::string_view text) {
  std::optional<std::string> bytes = DecodeBase64(text);
  if (!bytes || bytes->empty()) {
    return InternalError(bytes ? "it is empty" : "it is not base64");
  }
  if (std::optional<Takeover> place = ParseMsgPosition(*bytes)) {
    return *std::move(place);
  }
  return Takeover{.position = MsgId{*std::move(bytes)}, .ts = {}};
}

Result<VchannelName> ParseVchannelName(const std::string& name) {
  const size_t underscore = name.rfind('_');
  if (underscore == std::string::npos || underscore == 0) {
    return InvalidVchannel(name, "it does not have the form <pchannel>_<collection id>v<number>");
  }
  VchannelName parsed{.pchannel = name.substr(0, underscore), .collection = {}};
  const char* const end = name.data() + name.size();
  const auto [letter, error] =
      std::from_chars(name.data() + underscore + 1, end, parsed.collection.value);
  uint32_t shard = 0;
  if (error != std::errc() || letter == end || *letter != 'v' ||
      std::from_chars(letter + 1, end, shard).ptr != end || letter + 1 == end) {
    return InvalidVchannel(name, "it does not end in <collection id>v<number>");
  }
  return parsed;
}

Result<GivenPositions> ReadGivenPositions(const std::map<std::string, std::string>& texts) {
  GivenPositions given;
  for (const auto& [vchannel, text] : texts) {
    CDC_ASSIGN_OR_RETURN(const VchannelName name, ParseVchannelName(vchannel));
    Result<Takeover> place = DecodePositionText(text);
    if (!place.ok()) {
      return InternalError("fail to decode the position data: " + place.status().message() +
                           ", channel " + vchannel);
    }
    if (!given.places.empty() && name.collection != given.collection) {
      return InvalidArgumentError("the channel position info should be in the same collection");
    }
    given.collection = name.collection;
    given.places[vchannel] = *std::move(place);
  }
  return given;
}

Status CheckGivenPositions(const TaskSpec& spec) {
  CDC_RETURN_IF_ERROR(ForEachEntry(spec, [](const CollectionInfo& info) {
    return ReadGivenPositions(info.positions).status();
  }));
  if (!spec.rpc_channel_position.empty()) {
    const Status read = DecodePositionText(spec.rpc_channel_position).status();
    if (!read.ok()) {
      return InternalError("fail to decode the rpc position data: " + read.message());
    }
  }
  return OkStatus();
}

}  // namespace cdc
