#pragma once

#include <string>

#include "base/status.h"

namespace cdc {

// The status for one of librdkafka's codes (rd_kafka_resp_err_t) and the words that came with it:
//
// kPermissionDenied: an access list forbids it. kAborted: the producer was fenced by another one of
// its transactional id, or its transaction took too long for the broker. kFailedPrecondition: the
// record is larger than the broker takes. kInvalidArgument: a name, a number of replicas or another
// thing that a repeat would not mend. kUnavailable: all others.
Status KafkaError(int code, const std::string& words);

}  // namespace cdc
