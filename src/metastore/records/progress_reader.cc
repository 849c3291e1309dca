#include "metastore/records/progress_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "metastore/records/record_keys.h"
#include "metastore/records/record_values.h"

namespace cdc {
namespace {

namespace keys = record_keys;
namespace values = record_values;

}  // namespace

Status ProgressReader::Add(std::string_view key, const std::string& value) {
  const std::string_view kind = keys::NextPart(key, "");
  const std::string_view rest = key.substr(std::min(key.size(), kind.size() + 1));
  if (kind == "source") {
    progress_.source = value;
    return OkStatus();
  }
  if (kind == "access") {
    CDC_ASSIGN_OR_RETURN(progress_.access, values::DecodeAccess(value));
    return OkStatus();
  }
  if (kind == "checkpoint" || kind == "database") {
    const std::optional<std::string> name = keys::Unescape(rest);
    return name ? AddNamed(kind, *name, value) : DataLossError("its key is malformed");
  }
  int64_t id = 0;
  if (!keys::ReadNumber(keys::NextPart(rest, ""), &id)) {
    return DataLossError("its key has no number");
  }
  return AddOfCollection(kind, {id}, rest, value);
}

MetaStore::Progress ProgressReader::Take() {
  // Keys sort as texts, numbers otherwise.
  std::sort(progress_.channels.begin(), progress_.channels.end(),
            [](const auto& a, const auto& b) { return a.channel < b.channel; });
  std::sort(progress_.databases.begin(), progress_.databases.end());
  for (auto& [id, collection] : collections_) {
    progress_.collections.push_back(std::move(collection));
  }
  for (auto& [id, snapshot] : snapshots_) {
    snapshot.segments = std::move(segments_[id]);
    progress_.snapshots.push_back(std::move(snapshot));
  }
  for (auto& [id, aside] : aside_) {
    progress_.aside.push_back(std::move(aside));
  }
  return std::move(progress_);
}

Status ProgressReader::AddNamed(std::string_view kind,
                                const std::string& name,
                                const std::string& value) {
  if (kind == "database") {
    progress_.databases.push_back(name);
    return OkStatus();
  }
  CDC_ASSIGN_OR_RETURN(ChannelCheckpoint checkpoint, values::DecodeCheckpoint(name, value));
  progress_.channels.push_back(std::move(checkpoint));
  return OkStatus();
}

Status ProgressReader::AddOfCollection(std::string_view kind,
                                       CollectionId id,
                                       std::string_view rest,
                                       const std::string& value) {
  if (kind == "collection") {
    CDC_ASSIGN_OR_RETURN(collections_[id], values::DecodeCollection(id, value));
  } else if (kind == "snapshot") {
    CDC_ASSIGN_OR_RETURN(snapshots_[id], values::DecodeSnapshot(id, value));
  } else if (kind == "aside") {
    CDC_ASSIGN_OR_RETURN(aside_[id], values::DecodeAside(id, value));
  } else if (kind == "segment") {
    int64_t segment = 0;
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos || !keys::ReadNumber(rest.substr(slash + 1), &segment)) {
      return DataLossError("its key has no number");
    }
    segments_[id].insert(segment);
  } else {
    return DataLossError("nothing of this kind is known");
  }
  return OkStatus();
}

}  // namespace cdc
