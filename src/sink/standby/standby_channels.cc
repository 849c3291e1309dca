#include "sink/standby/standby_channels.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "milvus.pb.h"
#include "milvus/milvus_call.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

// A database or collection that is dropped during the listing needs no ticks.
Status UnlessDropped(const Status& status) {
  return status.code() == StatusCode::kNotFound ? OkStatus() : status;
}

// One call per collection: no call of Milvus returns the channels of several.
Result<std::set<std::string>> ListPchannels(const MilvusCalls& calls) {
  std::set<std::string> pchannels;
  pb::ListDatabasesResponse databases;
  CDC_RETURN_IF_ERROR(
      CallMilvus(calls, "ListDatabases", "", pb::ListDatabasesRequest(), &databases));
  for (const std::string& database : databases.db_names()) {
    pb::ShowCollectionsRequest in_database;
    in_database.set_db_name(database);
    pb::ShowCollectionsResponse collections;
    CDC_RETURN_IF_ERROR(
        UnlessDropped(CallMilvus(calls, "ShowCollections", database, in_database, &collections)));
    for (const std::string& name : collections.collection_names()) {
      pb::DescribeCollectionRequest by_name;
      by_name.set_db_name(database);
      by_name.set_collection_name(name);
      pb::DescribeCollectionResponse collection;
      CDC_RETURN_IF_ERROR(
          UnlessDropped(CallMilvus(calls, "DescribeCollection", database, by_name, &collection)));
      const auto& names = collection.physical_channel_names();
      pchannels.insert(names.begin(), names.end());
    }
  }
  return pchannels;
}

}  // namespace

StandbyChannels::StandbyChannels(StandbyConnection* connection, Options options)
    : connection_(connection),
      options_(std::move(options)),
      thread_("cdc-channels", [this](const std::stop_token& stop) { Run(stop); }) {}

void StandbyChannels::Add(const std::vector<std::string>& pchannels) {
  bool is_new = false;
  {
    MutexLock lock(mutex_);
    for (const std::string& pchannel : pchannels) {
      is_new = ticked_.insert(pchannel).second || is_new;
      added_.insert(pchannel);
    }
  }
  if (is_new) {
    options_.on_change();
  }
}

std::set<std::string> StandbyChannels::Get() const {
  MutexLock lock(mutex_);
  return ticked_;
}

void StandbyChannels::Run(const std::stop_token& stop) {
  bool failing = false;
  do {
    const Status listed = List(stop);
    if (stop.stop_requested()) {
      return;
    }
    if (listed.ok() == failing) {
      failing = !failing;
      if (failing) {
        spdlog::warn("standby {}: cannot list its channels: {}; it may lack ticks meanwhile",
                     options_.name, listed.ToString());
      } else {
        spdlog::info("standby {}: its channels are listed again", options_.name);
      }
    }
  } while (Pause(failing ? options_.retry : options_.interval, stop));
}

Status StandbyChannels::List(const std::stop_token& stop) {
  {
    MutexLock lock(mutex_);
    added_.clear();
  }
  CDC_ASSIGN_OR_RETURN(
      std::set<std::string> listed,
      ListPchannels(
          {.channel = connection_->channel(), .timeout = options_.call_timeout, .stop = stop}));
  {
    MutexLock lock(mutex_);
    // A collection made during the listing may be missing from it.
    listed.insert(added_.begin(), added_.end());
    ticked_ = std::move(listed);
  }
  options_.on_change();
  return OkStatus();
}

}  // namespace cdc
