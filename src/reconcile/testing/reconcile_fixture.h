#pragma once

#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "metastore/testing/in_memory_meta_store.h"
#include "model/catalog.h"
#include "model/task_progress.h"
#include "reconcile/reconciler.h"
#include "rows/testing/fake_route_view.h"
#include "rows/testing/fake_row_gates.h"
#include "sink/testing/fake_target.h"
#include "source/testing/fake_source.h"

// A Reconciler between fakes, driven by the test: no thread, no waiting.
namespace cdc {

inline constexpr const char* kDml = "dml_0";

inline Collection SmallCollection(int64_t id, std::string name) {
  Collection collection;
  collection.id = {id};
  collection.database = kDefaultDatabaseId;
  collection.name = std::move(name);
  collection.schema.fields = {
      {.id = {100}, .name = "id", .type = DataType::kInt64, .is_primary_key = true}};
  collection.created = {static_cast<uint64_t>(id)};
  collection.pchannels = {kDml};
  collection.partitions = {{.id = {id * 1000}, .name = "_default"}};
  return collection;
}

class ReconcileTest : public testing::Test {
 protected:
  ReconcileTest() {
    spec_.id = "t";
    spec_.db_collections = {{"*", {{.name = "*"}}}};
  }

  // Starts a reconciler as a task does, from what the store holds.
  void Begin() {
    scope_ = std::make_unique<Scope>(spec_);
    reconciler_ = std::make_unique<Reconciler>(
        Reconciler::Parts{
            .task_id = "t",
            .catalog = &catalog_,
            .log = &log_,
            .target = &target_,
            .store = &store_,
            .scope = scope_.get(),
            .gates = &gates_,
            .routes = &routes_,
            .conditions = &conditions_,
            .claims = &claims_,
            .target_address = "here",
            .target_identity = "",
            .index_after_copy = index_after_copy_,
            .retry = {},
            .on_fatal = [this](const Status& status) { fatal_ = status; },
            .on_collection_failed = [this](CollectionId, const Status& status) { fatal_ = status; },
            .on_connected = [](const std::string&) {},
            .clock = &clock_},
        *store_.LoadProgress("t"));
  }

  // Replaces the source's collections, lets the router see them and wakes the reconciler.
  void SetSource(const std::vector<Collection>& collections) {
    Catalog catalog;
    for (const auto& database : databases_) {
      catalog.databases[database.id] = std::make_shared<const Database>(database);
    }
    for (const Collection& collection : collections) {
      catalog.collections[collection.id] = std::make_shared<const Collection>(collection);
    }
    catalog.IndexNames();
    catalog_.Set(std::move(catalog));
    routes_.TakeCatalog(catalog_.Current());
    if (reconciler_ != nullptr) {
      reconciler_->Wake();
    }
  }

  void Turn() { wait_ = reconciler_->Turn(stop_.get_token()); }
  // Turns until only the idle wait is left, advancing the clock past back-offs.
  void Settle() {
    for (int i = 0; i < 20; ++i) {
      Turn();
      clock_.Advance(wait_ < std::chrono::seconds(20) ? wait_ : std::chrono::milliseconds(0));
    }
  }

  std::vector<std::string> Ddls() const {
    std::vector<std::string> texts;
    for (const Ddl& ddl : target_.ddl()) {
      texts.push_back(Describe(ddl));
    }
    return texts;
  }
  std::vector<ReplicatedCollection> Stored() { return store_.LoadProgress("t")->collections; }

  FakeClock clock_;
  FakeCatalog catalog_;
  FakeLog log_;
  FakeTarget target_;
  InMemoryMetaStore store_;
  FakeRowGates gates_;
  FakeRouteView routes_;
  ConditionBoard conditions_;
  CollectionClaims claims_;
  TaskSpec spec_;
  bool index_after_copy_ = true;
  std::vector<Database> databases_ = {{.id = kDefaultDatabaseId, .name = "default"}};
  std::unique_ptr<Scope> scope_;
  Status fatal_;
  std::stop_source stop_;
  std::chrono::milliseconds wait_{0};
  std::unique_ptr<Reconciler> reconciler_;
};

}  // namespace cdc
