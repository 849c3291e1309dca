#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/meta_store.h"

namespace cdc {

struct ContentCounts {
  size_t tasks = 0;
  size_t checkpoints = 0;
  size_t collections = 0;
  size_t copies = 0;  // of stored rows
  size_t aside = 0;
};

// For people: "2 tasks, 16 checkpoints, ...".
std::string Describe(const ContentCounts& counts);

// All that a store held at some time, in memory: tasks with their credentials, and their progress.
class StoreContent {
 public:
  // Reads and decodes everything. The store must not change meanwhile. Errors: see MetaStore.
  static Result<StoreContent> Read(MetaStore* store);

  // What Text returned. kDataLoss: incomplete, or not such a text; kFailedPrecondition: written by
  // a newer program. Messages quote no value.
  static Result<StoreContent> Parse(const std::string& text);

  // JSON lines; equal for equal contents.
  std::string Text() const;

  const ContentCounts& counts() const { return counts_; }
  Result<std::vector<std::string>> TaskIds() const;

  // Puts all of it into a store without tasks. The tasks come last: if it is interrupted before the
  // first of them, the store forgets the rest when it is opened again.
  Status CopyTo(MetaStore* store) const;

 private:
  using Records = std::map<std::string, std::string>;

  static Result<StoreContent> New(std::unique_ptr<Records> records);

  std::unique_ptr<Records> records_;
  std::unique_ptr<MetaStore> store_;  // on the records, so it goes first
  ContentCounts counts_;
};

// Puts `content` into `store`. If that fails, the store is put back as it was; an error that says
// otherwise means that this failed, too.
//
// kFailedPrecondition: the store has tasks, and `replace` is false.
Status ImportContent(const StoreContent& content, MetaStore* store, bool replace);

}  // namespace cdc
