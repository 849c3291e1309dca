#include "api/task_json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/json_text.h"
#include "model/given_position.h"
#include "scope/compare_scopes.h"
#include "scope/scope.h"

namespace cdc {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson EncodeCollectionInfos(const std::vector<CollectionInfo>& infos) {
  OrderedJson list = OrderedJson::array();
  for (const CollectionInfo& info : infos) {
    OrderedJson positions = nullptr;
    for (const auto& [channel, position] : info.positions) {
      positions[channel] = position;
    }
    list.push_back({{"name", info.name},
                    {"positions", std::move(positions)},
                    {"use_start_position", info.use_start_position}});
    if (info.start_from) {
      list.back()["start_from"] = StartFromName(*info.start_from);
    }
  }
  return list;
}

OrderedJson EncodeDbCollections(const TaskSpec& spec) {
  OrderedJson databases = nullptr;
  for (const auto& [database, infos] : spec.db_collections) {
    databases[database] = EncodeCollectionInfos(infos);
  }
  return databases;
}

// As given in the request; unset members are omitted.
OrderedJson EncodeDialConfig(const TlsOptions& tls) {
  const bool mutual = !tls.certificate_path.empty();
  OrderedJson dial = OrderedJson::object();
  for (const auto& [key, value] :
       {std::pair("server_name", &tls.server_name),
        {mutual ? "ca_pem_path" : "server_pem_path", &tls.authority_path},
        {"client_pem_path", &tls.certificate_path},
        {"client_key_path", &tls.key_path}}) {
    if (!value->empty()) {
      dial[key] = *value;
    }
  }
  return dial;
}

OrderedJson EncodeMilvusParam(const MilvusConnectParam& target) {
  return {{"channel_num", target.channel_num},
          {"connect_timeout", target.connect_timeout},
          {"dial_config", EncodeDialConfig(target.tls)},
          {"enable_tls", target.enable_tls},
          {"host", target.host},
          {"ignore_partition", target.ignore_partition},
          {"port", target.port},
          {"uri", target.uri}};
}

OrderedJson EncodeCheckpoint(const std::vector<ChannelStatus>& channels) {
  OrderedJson list = OrderedJson::array();
  for (const ChannelStatus& channel : channels) {
    list.push_back({{"channel", channel.channel},
                    {"ts", channel.checkpoint.value},
                    {"time_ms", channel.checkpoint.UnixMs()},
                    {"msg_id", EncodePositionText(channel.channel, channel.position)}});
  }
  return list;
}

// The lag of each channel and its cause: a stalled source gives no ticks, a stalled target leaves
// rows waiting.
OrderedJson EncodeChannels(const std::vector<ChannelStatus>& channels, int64_t now_ms) {
  const auto behind = [now_ms](int64_t time_ms) {
    return time_ms == 0 ? OrderedJson() : OrderedJson(std::max<int64_t>(now_ms - time_ms, 0));
  };
  OrderedJson list = OrderedJson::array();
  for (const ChannelStatus& channel : channels) {
    list.push_back({{"channel", channel.channel},
                    {"resolved_ts", channel.resolved.value},
                    {"source_lag_ms", behind(channel.resolved.UnixMs())},
                    {"lag_ms", behind(channel.checkpoint.UnixMs())},
                    {"tick_age_ms", behind(channel.last_tick_unix_ms)},
                    {"rows_waiting", channel.rows_waiting},
                    {"bytes_waiting", channel.bytes_waiting}});
  }
  return list;
}

OrderedJson EncodeCatalog(const CatalogProgress& catalog) {
  return {
      {"revision", catalog.revision}, {"applied", catalog.applied}, {"pending", catalog.pending}};
}

OrderedJson EncodePresent(const SourcePresent& present) {
  return {{"ts", present.ts.value},
          {"time_ms", present.ts.UnixMs()},
          {"catalog_revision", present.catalog_revision}};
}

OrderedJson RoundToTenths(double value) { return std::round(value * 10) / 10; }

OrderedJson EncodeSnapshots(const std::vector<SnapshotStatus>& snapshots) {
  OrderedJson list = OrderedJson::array();
  for (const SnapshotStatus& snapshot : snapshots) {
    list.push_back(
        {{"collection", snapshot.collection.ToString()},
         {"partitions", snapshot.selection.partitions},
         {"filter", snapshot.selection.filter},
         {"done", snapshot.done},
         {"rows", snapshot.rows},
         {"total_rows", snapshot.total_rows},
         {"bytes", snapshot.bytes},
         {"total_bytes", snapshot.total_bytes},
         {"rows_per_second", RoundToTenths(snapshot.rows_per_second)},
         {"bytes_per_second", RoundToTenths(snapshot.bytes_per_second)},
         {"seconds_left",
          snapshot.seconds_left.has_value() ? OrderedJson(*snapshot.seconds_left) : OrderedJson()},
         {"log", snapshot.log_applied ? "applied" : "waits"},
         {"expected_seconds", snapshot.expected_seconds},
         {"queue_seconds", snapshot.queue_seconds}});
  }
  return list;
}

OrderedJson EncodeSetAside(const std::vector<SetAsideStatus>& collections) {
  OrderedJson list = OrderedJson::array();
  for (const SetAsideStatus& aside : collections) {
    list.push_back({{"collection", aside.collection.ToString()},
                    {"reason", aside.reason},
                    {"since", aside.since_unix_ms}});
  }
  return list;
}

// As given in the request, with the database's name in place of an empty one.
OrderedJson EncodeNameMapping(const std::vector<NameMapping>& mappings) {
  OrderedJson list = OrderedJson::array();
  for (const NameMapping& mapping : mappings) {
    list.push_back({{"source_db", mapping.source_database},
                    {"target_db", mapping.target_database},
                    {"collection_mapping", mapping.collections}});
  }
  return list;
}

// Keys that existing clients do not know.
void AppendDetails(const TaskView& view, int64_t now_unix_ms, OrderedJson* json) {
  const TaskSpec& spec = view.record.spec;
  const TaskStatus& status = view.status;
  OrderedJson& out = *json;
  out["start_from"] = StartFromName(spec.start_from);
  if (spec.stop_at > Timestamp{}) {
    out["stop_at"] = spec.stop_at.value;
  }
  out["snapshot"] = {{"from", SnapshotFromName(spec.snapshot.from)},
                     {"index", SnapshotIndexName(spec.snapshot.index)},
                     {"log", SnapshotLogName(spec.snapshot.log)}};
  out["on_expired"] = OnExpiredName(spec.on_expired);
  out["on_collection_error"] = OnCollectionErrorName(spec.on_collection_error);
  out["on_undecodable"] = OnUndecodableName(spec.on_undecodable);
  out["disable_auto_start"] = spec.disable_auto_start;
  out["exclude"] = spec.exclude;
  out["exclude_collections"] = OrderedJson::array();
  for (const LeftName& name : spec.left_to_older) {
    out["exclude_collections"].push_back(ShowLeftName(name));
  }
  if (!spec.name_mapping.empty()) {
    out["name_mapping"] = EncodeNameMapping(spec.name_mapping);
  }
  out["sync_index"] = spec.sync_index;
  out["sync_load"] = spec.sync_load;
  out["dry_run"] = spec.dry_run || status.dry_run;
  out["extra_info"] = {{"enable_user_role", spec.enable_user_role}};
  out["rpc_channel_info"] = {{"name", spec.rpc_channel_name},
                             {"position", spec.rpc_channel_position}};
  out["buffer_config"] = {{"period", spec.buffer_period}, {"size", spec.buffer_size}};
  out["condition"] = {
      {"state", ConditionName(status.condition)},
      {"reason", status.reason},
      {"since", status.since_unix_ms == 0 ? OrderedJson() : OrderedJson(status.since_unix_ms)},
      {"attempts", status.attempts}};
  if (status.idle) {
    out["condition"]["idle"] = true;
  }
  out["phase"] =
      status.phase.has_value() ? OrderedJson(TaskPhaseName(*status.phase)) : OrderedJson();
  // An unmeasured lag is unknown, not zero.
  out["lag_ms"] = status.lag_ms.has_value() ? OrderedJson(*status.lag_ms) : OrderedJson();
  out["source_lag_ms"] =
      status.source_lag_ms.has_value() ? OrderedJson(*status.source_lag_ms) : OrderedJson();
  out["checkpoint"] = EncodeCheckpoint(status.channels);
  out["channels"] = EncodeChannels(status.channels, now_unix_ms);
  out["catalog"] = view.live ? EncodeCatalog(view.status.catalog) : OrderedJson();
  if (view.present.has_value()) {
    out["present"] = EncodePresent(*view.present);
  }
  if (view.drain.has_value()) {
    out["drain"] = EncodeDrain(*view.drain);
  }
  out["set_aside"] = EncodeSetAside(status.set_aside);
  if (CopiesStoredRows(spec) || !status.snapshots.empty()) {
    out["snapshots"] = EncodeSnapshots(status.snapshots);
  }
  out["covers"] = OrderedJson::array();
  for (const CollectionName& name : status.covers) {
    out["covers"].push_back(name.ToString());
  }
  out["sink_mode"] = SinkModeName(spec.sink_mode);
  out["sink_mode_reason"] = spec.sink_mode_reason;
  const CountsByOp rows = status.counts.RowsWritten();
  out["rows"] = {{"inserted", rows.inserts}, {"upserted", rows.upserts}, {"deleted", rows.deletes}};
  out["bytes_written"] = status.counts.BytesWritten();
  out["rows_waiting"] = status.rows_waiting;
  out["bytes_waiting"] = status.bytes_waiting;
  out["skipped"] = {{"records", status.records_skipped}, {"last", status.last_skipped}};
  out["target_version"] = status.target_version;
}

const char* NameOf(ScopeNote::What what) {
  switch (what) {
    case ScopeNote::What::kAdded: return "added";
    case ScopeNote::What::kRemoved: return "removed";
    case ScopeNote::What::kMoved: return "moved";
  }
  return "";
}

}  // namespace

OrderedJson EncodeTask(const TaskView& view, int64_t now_unix_ms) {
  const TaskSpec& spec = view.record.spec;
  OrderedJson json = OrderedJson::object();
  json["collection_infos"] =
      spec.collection_infos.empty() ? OrderedJson() : EncodeCollectionInfos(spec.collection_infos);
  json["db_collections"] = EncodeDbCollections(spec);
  json["kafka_connect_param"] = {
      {"address", ""}, {"enable_sasl", false}, {"sasl", OrderedJson::object()}, {"topic", ""}};
  json["milvus_connect_param"] = EncodeMilvusParam(spec.target);
  if (!view.record.reason.empty()) {
    json["reason"] = view.record.reason;
  }
  json["state"] = TaskStateName(view.record.state);
  json["task_id"] = spec.id;
  AppendDetails(view, now_unix_ms, &json);
  return json;
}

OrderedJson EncodeDrain(const DrainStatus& drain) {
  return {{"phase", DrainPhaseName(drain.phase)},
          {"until_ts", drain.goal.ts.value},
          {"until_ms", drain.goal.ts.UnixMs()},
          {"catalog_revision", drain.goal.catalog_revision},
          {"since", drain.since_unix_ms},
          {"ended", drain.ended_unix_ms == 0 ? OrderedJson() : OrderedJson(drain.ended_unix_ms)},
          {"missing", drain.missing},
          {"reason", drain.reason},
          {"left", drain.left},
          {"idle", drain.idle},
          {"channels", drain.channels},
          {"rows_written", drain.rows_written},
          {"rows_above", drain.rows_above}};
}

OrderedJson EncodeScopeNotes(const std::vector<ScopeNote>& notes) {
  OrderedJson list = OrderedJson::array();
  for (const ScopeNote& note : notes) {
    list.push_back({{"collection", note.collection.ToString()},
                    {"what", NameOf(note.what)},
                    {"rows", note.rows}});
  }
  return list;
}

OrderedJson EncodeEvents(const std::vector<TaskEvent>& events) {
  OrderedJson list = OrderedJson::array();
  for (const TaskEvent& event : events) {
    list.push_back({{"number", event.number},
                    {"time_ms", event.unix_ms},
                    {"event", TaskEventKindName(event.kind)},
                    {"text", event.text}});
  }
  return {{"events", std::move(list)}};
}

OrderedJson EncodeSynced(Timestamp ts, const std::vector<std::string>& missing) {
  return {{"ts", ts.value},
          {"time_ms", ts.UnixMs()},
          {"synced", missing.empty()},
          {"missing", missing}};
}

OrderedJson EncodePositions(const TaskPositions& positions) {
  const auto encode = [](const CollectionPosition& of, Timestamp ts, const MsgId& position) {
    const int64_t time = ts.UnixMs();
    return OrderedJson{{"collection_id", of.collection.value},
                       {"channel_name", of.channel},
                       {"time", time},
                       {"tt", Timestamp::FromUnixMs(time + 1).value},
                       {"msg_id", EncodePositionText(of.channel, position)}};
  };
  // Clients know null in place of an empty list.
  OrderedJson list = nullptr;
  OrderedJson with_rows = nullptr;
  for (const CollectionPosition& position : positions.source) {
    list.push_back(encode(position, position.ts, position.position));
    if (position.last_rows.has_value()) {
      with_rows.push_back(encode(position, position.last_rows->ts, position.last_rows->position));
    }
  }
  OrderedJson on_target = nullptr;
  for (const CollectionPosition& position : positions.target) {
    on_target.push_back(encode(position, position.ts, position.position));
  }
  return {{"positions", std::move(list)},
          {"op_positions", std::move(with_rows)},
          {"target_positions", std::move(on_target)}};
}

ApiAnswer EncodeSuccess(const OrderedJson& data) {
  constexpr int kOk = 200;
  OrderedJson answer = {{"code", kOk}};
  if (!data.empty()) {
    answer["data"] = data;
  }
  return {.code = kOk, .body = DumpJson(answer)};
}

ApiAnswer EncodeFailure(int code, const std::string& message) {
  OrderedJson answer = {{"code", code}};
  if (!message.empty()) {
    answer["message"] = message;
  }
  return {.code = code, .body = DumpJson(answer)};
}

}  // namespace cdc
