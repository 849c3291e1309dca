#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace cdc {

// The numbers of milvus.proto.common.MsgType used here.
enum class WireMessage : int {
  kCreateCollection = 100,
  kDropCollection = 101,
  kDropPartition = 201,
  kInsert = 400,
  kDelete = 401,
  kFlush = 402,
  kImport = 408,
  kTimeTick = 1200,
  kCreateCredential = 1500,
  kUpdateCredential = 1503,
};

// The start of every message: common.MsgBase, its field 1.
struct Header {
  int type = 0;
  int64_t message_id = 0;
  uint64_t timestamp = 0;
  // replicateInfo: the message comes from another Milvus, where its time was `original_timestamp`.
  bool is_replicate = false;
  uint64_t original_timestamp = 0;
};

// kDataLoss: not a Milvus message (malformed, or without a type).
Result<Header> DecodeHeader(std::string_view record);

}  // namespace cdc
