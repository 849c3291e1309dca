#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "metastore/testing/in_memory_meta_store.h"
#include "milvus.pb.h"
#include "model/task_progress.h"
#include "msg.pb.h"
#include "pipeline/task_pipeline.h"
#include "sink/testing/fake_target.h"
#include "sink/testing/fake_target_factory.h"
#include "source/testing/fake_source.h"

// A whole task between a fake source and a fake target, for the tests of the pipeline.
namespace cdc {

inline constexpr const char* kChannel = "by-dev-rootcoord-dml_0";
inline constexpr const char* kOtherChannel = "by-dev-rootcoord-dml_1";
inline constexpr const char* kReplicate = "by-dev-replicate-msg";
inline constexpr PartitionId kDefaultPartition{10};

inline Collection MakeCollection(int64_t id, std::string name, uint64_t created) {
  Collection collection;
  collection.id = {id};
  collection.database = kDefaultDatabaseId;
  collection.name = std::move(name);
  collection.schema.fields = {
      {.id = {100}, .name = "id", .type = DataType::kInt64, .is_primary_key = true}};
  collection.created = {created};
  collection.pchannels = {kChannel};
  collection.vchannels = {std::string(kChannel) + "_" + std::to_string(id) + "v0"};
  collection.partitions = {{.id = kDefaultPartition, .name = "_default"}};
  return collection;
}

inline Catalog MakeCatalog(std::vector<Collection> collections) {
  Catalog catalog;
  catalog.databases[kDefaultDatabaseId] =
      std::make_shared<Database>(Database{.id = kDefaultDatabaseId, .name = "default"});
  for (Collection& collection : collections) {
    const CollectionId id = collection.id;
    catalog.collections[id] = std::make_shared<const Collection>(std::move(collection));
  }
  catalog.IndexNames();
  return catalog;
}

namespace pb = milvus::proto;

inline std::string InsertRecord(const Collection& collection,
                                const std::vector<int64_t>& keys,
                                uint64_t ts,
                                PartitionId partition = kDefaultPartition) {
  static int64_t next_id = 1;
  pb::msg::InsertRequest request;
  request.mutable_base()->set_msg_type(pb::common::Insert);
  request.mutable_base()->set_msgid(next_id++);
  request.set_shardname(collection.vchannels[0]);
  request.set_collectionid(collection.id.value);
  request.set_partitionid(partition.value);
  request.set_num_rows(keys.size());
  request.set_version(pb::msg::ColumnBased);
  auto* column = request.add_fields_data();
  column->set_type(pb::schema::Int64);
  column->set_field_id(100);
  column->set_field_name("id");
  for (const int64_t key : keys) {
    request.add_timestamps(ts);
    request.add_rowids(key);
    column->mutable_scalars()->mutable_long_data()->add_data(key);
  }
  return request.SerializeAsString();
}

inline std::string DeleteRecord(const Collection& collection,
                                const std::vector<int64_t>& keys,
                                uint64_t ts) {
  static int64_t next_id = 1'000'000;
  pb::msg::DeleteRequest request;
  request.mutable_base()->set_msg_type(pb::common::Delete);
  request.mutable_base()->set_msgid(next_id++);
  request.set_shardname(collection.vchannels[0]);
  request.set_collectionid(collection.id.value);
  request.set_partitionid(-1);
  request.set_num_rows(static_cast<int64_t>(keys.size()));
  for (const int64_t key : keys) {
    request.add_timestamps(ts);
    request.mutable_primary_keys()->mutable_int_id()->add_data(key);
  }
  return request.SerializeAsString();
}

inline std::string TickRecord(uint64_t ts) {
  pb::msg::TimeTickMsg tick;
  tick.mutable_base()->set_msg_type(pb::common::TimeTick);
  tick.mutable_base()->set_timestamp(ts);
  return tick.SerializeAsString();
}

class TaskPipelineTest : public testing::Test {
 protected:
  TaskPipelineTest() {
    options_.catalog = &catalog_;
    options_.log = &log_;
    options_.store = &store_;
    options_.replicate_channel = kReplicate;
    options_.checkpoint_interval = std::chrono::milliseconds(5);
    options_.doubt_grace = std::chrono::milliseconds(0);
    options_.targets = &targets_;
    NewProcess();
    spec_.id = "t";
    spec_.db_collections = {{"*", {{.name = "*"}}}};
    spec_.start_from = StartFrom::kEarliest;
    spec_.on_collection_error = OnCollectionError::kPause;
  }

  // Uses the current `options_`.
  void NewProcess() { replicator_ = NewReplicator(options_); }

  void Start() {
    auto started = replicator_->Start(spec_, [this](const std::string& reason) {
      MutexLock lock(mutex_);
      failure_ = reason;
    });
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    task_ = *std::move(started);
  }

  void Stop() {
    task_->Stop();
    task_.reset();
  }

  std::string failure() {
    MutexLock lock(mutex_);
    return failure_;
  }

  bool WaitForRows(RowOp op, uint64_t rows) {
    return Eventually([&] { return target_.rows_of(op) >= rows; }) && target_.rows_of(op) == rows;
  }

  // What the store holds about a channel.
  ChannelCheckpoint Saved(const std::string& channel) {
    const auto progress = store_.LoadProgress("t");
    for (const ChannelCheckpoint& checkpoint : progress->channels) {
      if (checkpoint.channel == channel) {
        return checkpoint;
      }
    }
    return {};
  }

  bool WaitForCheckpoint(uint64_t ts) {
    return Eventually([&] { return Saved(kChannel).ts.value >= ts; });
  }

  std::vector<std::string> Ddls() {
    std::vector<std::string> texts;
    for (const Ddl& ddl : target_.ddl()) {
      texts.push_back(Describe(ddl));
    }
    return texts;
  }

  bool WaitForDdl(const std::string& text) {
    return Eventually([&] {
      const auto ddls = Ddls();
      return std::find(ddls.begin(), ddls.end(), text) != ddls.end();
    });
  }

  // The numbers of rows written to the collection, write by write, with the operation.
  std::vector<std::pair<RowOp, uint64_t>> WritesTo(const std::string& name) {
    std::vector<std::pair<RowOp, uint64_t>> writes;
    for (const FakeTarget::WrittenBatch& written : target_.batches()) {
      if (written.batch.target.collection == name) {
        writes.emplace_back(written.batch.op, written.batch.rows);
      }
    }
    return writes;
  }

  FakeCatalog catalog_;
  FakeLog log_;
  InMemoryMetaStore store_;
  FakeTarget target_;
  FakeTargetFactory targets_{&target_};
  ReplicatorOptions options_;
  TaskSpec spec_;
  std::unique_ptr<Replicator> replicator_;
  Mutex mutex_;
  std::string failure_ CDC_GUARDED_BY(mutex_);
  std::unique_ptr<Replication> task_;
};

}  // namespace cdc
