#pragma once

#include <optional>
#include <string_view>

#include "base/status.h"
#include "model/ids.h"
#include "model/message.h"

namespace cdc {

// Decodes one record of a DML channel as written by Milvus 2.2 to 2.5. The message's views point
// into `payload`, which it keeps alive; the only bytes copied are keys in the form of Milvus before
// 2.2 and null flags that are not contiguous.
//
// A returned message is consistent: an insert has `rows` timestamps, and distinct columns of `rows`
// values each, in the form of their type if that is known; a delete has `rows` timestamps and keys.
// Types not used here are returned as kOther with their number in `raw_type`; an unknown type is
// not an error. An import is one of them, with its collection and all of its partitions.
//
// kDataLoss: malformed or inconsistent, a row-based insert (Milvus before 2.1), or a field that
// must not repeat. The message names the field and its place in the record.
Result<MessagePtr> DecodeMessage(MsgId id, Payload payload);

// Whether the message announces an import: rows of files, which are not in the queue.
bool IsImport(const Message& message);

// The collection of the rows in a record that DecodeMessage refuses. nullopt: they have none, or it
// cannot be read either.
std::optional<CollectionId> FindCollection(std::string_view record);

}  // namespace cdc
