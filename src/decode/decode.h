#pragma once

#include "base/status.h"
#include "model/ids.h"
#include "model/message.h"

namespace cdc {

// Decodes one record of a DML channel, as Milvus 2.2 to 2.5 write it. The message's views point
// into `payload`, which it keeps alive; the only bytes copied are keys in the form of Milvus
// before 2.2 and flags that do not lie in one piece.
//
// A message that is returned is consistent: an insert has `rows` timestamps and columns of `rows`
// values each, none of them twice, and their data of the form of their type if that is known; a
// delete has `rows` timestamps and keys. Types without a use here come as kOther with
// their number in `raw_type`; an unknown one is not an error.
//
// kDataLoss: malformed or inconsistent, a row-based insert (Milvus before 2.1), a field that occurs
// twice though it should not. The text names the field and its place in the record.
Result<MessagePtr> DecodeMessage(MsgId id, Payload payload);

}  // namespace cdc
