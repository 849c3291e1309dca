#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace cdc {

// The numbers of milvus.proto.common.MsgType that matter here.
enum class WireMessage : int {
  kCreateCollection = 100,
  kDropCollection = 101,
  kDropPartition = 201,
  kInsert = 400,
  kDelete = 401,
  kFlush = 402,
  kTimeTick = 1200,
};

// What every message begins with: common.MsgBase, which is its field 1.
struct Header {
  int type = 0;
  int64_t message_id = 0;
  uint64_t timestamp = 0;
  // replicateInfo: the message stems from another Milvus, where it had the time
  // `original_timestamp`.
  bool is_replicate = false;
  uint64_t original_timestamp = 0;
};

// kDataLoss if the bytes are no Milvus message: malformed, or without a type.
Result<Header> DecodeHeader(std::string_view record);

}  // namespace cdc
