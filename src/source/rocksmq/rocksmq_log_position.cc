#include "source/rocksmq/rocksmq_log_position.h"

namespace cdc {
namespace {

Result<std::optional<int64_t>> IdHere(const RocksmqIterator& iterator) {
  if (iterator.Valid()) {
    return std::optional<int64_t>(iterator.id());
  }
  CDC_RETURN_IF_ERROR(iterator.status());
  return std::optional<int64_t>();
}

}  // namespace

Result<RocksmqLocation> LocateRocksmq(RocksmqIterator* iterator, int64_t id) {
  RocksmqLocation location;
  iterator->Seek(id);
  CDC_ASSIGN_OR_RETURN(const std::optional<int64_t> found, IdHere(*iterator));
  if (found == id) {
    return location;
  }
  iterator->SeekToLast();
  CDC_ASSIGN_OR_RETURN(location.newest, IdHere(*iterator));
  iterator->SeekToFirst();
  CDC_ASSIGN_OR_RETURN(location.oldest, IdHere(*iterator));
  if (!location.newest || id > *location.newest) {
    location.place = RocksmqPlace::kBeyond;
  } else {
    location.place = id < *location.oldest ? RocksmqPlace::kExpired : RocksmqPlace::kAbsent;
  }
  return location;
}

Status CheckRocksmqStart(const std::string& topic, int64_t id, const RocksmqLocation& location) {
  const std::string position = "channel " + topic + ": " + std::to_string(id);
  switch (location.place) {
    case RocksmqPlace::kThere: return OkStatus();
    case RocksmqPlace::kExpired:
      return OutOfRangeError("position expired: " + position + " < " +
                             std::to_string(*location.oldest));
    case RocksmqPlace::kBeyond:
      return FailedPreconditionError(
          "the position is beyond the log, is this the store of the same Milvus? " + position +
          (location.newest ? " > " + std::to_string(*location.newest)
                           : ", and there are no records"));
    case RocksmqPlace::kAbsent:
      return FailedPreconditionError(
          "the position is not in the log, is this the store of the same Milvus? " + position +
          " is not among " + std::to_string(*location.oldest) + " to " +
          std::to_string(*location.newest));
  }
  return InternalError("unknown place");
}

}  // namespace cdc
