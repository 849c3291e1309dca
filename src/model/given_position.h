#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/ids.h"
#include "model/takeover.h"
#include "model/task.h"

// Positions in a source's channels as users give and get them.
namespace cdc {

// Base64 of the message MsgPosition{channel_name, msgID}.
std::string EncodePositionText(std::string_view channel, const MsgId& id);

// The other way round: of a MsgPosition, as the API of Milvus and its backup tool give it, or of
// the queue's id alone, which has no time. kInternal: not base64, or empty.
Result<Takeover> DecodePositionText(std::string_view text);

// The parts of a vchannel's name, "<pchannel>_<collection id>v<shard>".
struct VchannelName {
  std::string pchannel;
  CollectionId collection;
};
// kInvalidArgument: it is not such a name.
Result<VchannelName> ParseVchannelName(const std::string& name);

// Where a collection begins in its channels.
struct GivenPositions {
  CollectionId collection;
  std::map<std::string, Takeover> places;  // by vchannel
};
// kInvalidArgument: a name that is no vchannel, or vchannels of several collections. kInternal: a
// text that is no position.
Result<GivenPositions> ReadGivenPositions(const std::map<std::string, std::string>& texts);

// Whether all positions in a task's request can be read. Errors: as for ReadGivenPositions.
Status CheckGivenPositions(const TaskSpec& spec);

}  // namespace cdc
