#include "snapshot/check_takeovers.h"

namespace cdc {

Status CheckTakeovers(const Collection& collection,
                      const std::map<std::string, Takeover>& takeovers,
                      Log* log) {
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const auto takeover = takeovers.find(collection.vchannels[shard]);
    if (takeover != takeovers.end() && !takeover->second.position.empty()) {
      CDC_RETURN_IF_ERROR(
          log->CheckPosition(collection.pchannels[shard], {.id = takeover->second.position}));
    }
  }
  return OkStatus();
}

}  // namespace cdc
