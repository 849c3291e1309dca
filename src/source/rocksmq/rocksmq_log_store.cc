#include "source/rocksmq/rocksmq_log_store.h"

#include <fstream>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <sys/stat.h>

#include "source/rocksmq/rocksmq_log_key.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

// The time between attempts to reopen.
constexpr milliseconds kRetryInterval{100};
// Longer than reopening takes; a thread waiting for another one to do it gives up then.
constexpr milliseconds kBusyTimeout{60'000};

// Treats every error as transient, even what RocksDB calls corruption: a secondary may read while
// the primary is in the middle of a change, when it starts or dies.
Status ToStatus(const rocksdb::Status& status, const std::filesystem::path& path) {
  if (status.ok()) {
    return OkStatus();
  }
  return UnavailableError("RocksMQ store " + path.string() + ": " + status.ToString());
}

// Distinguishes stores in the same folder, by the file RocksDB writes into each new store.
RocksmqStore::Identity ReadIdentity(const std::filesystem::path& path) {
  struct stat file = {};
  if (::stat((path / "IDENTITY").c_str(), &file) != 0) {
    return {};
  }
  return {.inode = file.st_ino, .seconds = file.st_mtim.tv_sec, .nanos = file.st_mtim.tv_nsec};
}

Status CheckFolder(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path / "CURRENT", error)) {
    if (error == std::errc::permission_denied) {
      return {StatusCode::kPermissionDenied,
              "sourceConfig.rocksmq.path: the folder cannot be read: " + path.string()};
    }
    const bool folder = std::filesystem::is_directory(path, error);
    return NotFoundError(std::string("sourceConfig.rocksmq.path: ") +
                         (folder ? "the folder holds no RocksMQ store (a Milvus standalone with "
                                   "mq.type rocksmq names it in rocksmq.path): "
                                 : "there is no such folder: ") +
                         path.string());
  }
  if (!std::ifstream(path / "CURRENT")) {
    return {StatusCode::kPermissionDenied,
            "sourceConfig.rocksmq.path: the store cannot be read: " + path.string()};
  }
  return OkStatus();
}

rocksdb::DBOptions SecondaryOptions() {
  rocksdb::DBOptions options;
  // A secondary must keep all files open: the primary deletes them at any time.
  options.max_open_files = -1;
  // With more, each catch-up would start that many threads, for each column family.
  options.max_file_opening_threads = 1;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 1;
  options.max_log_file_size = size_t{1} << 20;
  // No background threads for statistics nobody reads.
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  return options;
}

// The cache holds the blocks at the ends of the topics, where every read starts. One shard, since a
// block holds at least one record and may be large.
rocksdb::ColumnFamilyOptions FamilyOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(size_t{16} << 20, 0);
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace

// One opening of the store, shared by the store and its iterators; the last one closes it.
struct RocksmqStore::Database {
  static Result<std::shared_ptr<Database>> Open(const std::filesystem::path& path,
                                                const std::filesystem::path& log_folder,
                                                uint64_t generation) {
    auto database = std::make_shared<Database>();
    database->generation = generation;
    database->identity = ReadIdentity(path);
    // Milvus 2.3 has the families "default" and "properties", older versions only the first.
    std::vector<std::string> names;
    CDC_RETURN_IF_ERROR(ToStatus(
        rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path.string(), &names), path));
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) {
      families.emplace_back(name, FamilyOptions());
    }
    rocksdb::DB* db = nullptr;
    CDC_RETURN_IF_ERROR(ToStatus(
        rocksdb::DB::OpenAsSecondary(SecondaryOptions(), path.string(), log_folder.string(),
                                     families, &database->families, &db),
        path));
    database->db.reset(db);
    return database;
  }

  Database() = default;
  // RocksDB asserts that the handles are destroyed before their database.
  ~Database() {
    for (rocksdb::ColumnFamilyHandle* family : families) {
      db->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    }
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  uint64_t generation = 0;
  Identity identity;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
};

class RocksmqStore::Iterator : public RocksmqIterator {
 public:
  Iterator(std::shared_ptr<Database> database,
           const std::filesystem::path& path,
           std::string_view topic)
      : database_(std::move(database)),
        path_(path),
        prefix_(RocksmqPrefix(topic)),
        upper_text_(RocksmqUpperBound(topic)),
        lower_(prefix_),
        upper_(upper_text_) {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    // Without bounds, a seek at the tail would read the next topic's first block from each file.
    options.iterate_lower_bound = &lower_;
    options.iterate_upper_bound = &upper_;
    iterator_.reset(database_->db->NewIterator(options));
  }

  void SeekToFirst() override {
    iterator_->SeekToFirst();
    Arrive();
  }

  void SeekToLast() override {
    iterator_->SeekToLast();
    Arrive();
  }

  void Seek(int64_t id) override {
    iterator_->Seek(prefix_ + std::to_string(id));
    Arrive();
  }

  void Next() override {
    const std::optional<int64_t> before = id_;
    iterator_->Next();
    Arrive();
    if (id_ && before && *id_ <= *before) {
      Fail("records are not in the order of their ids: " + iterator_->key().ToString());
    }
  }

  bool Valid() const override { return id_.has_value(); }

  Status status() const override {
    return status_.ok() ? ToStatus(iterator_->status(), path_) : status_;
  }

  int64_t id() const override { return *id_; }
  std::string_view value() const override {
    const rocksdb::Slice value = iterator_->value();
    return {value.data(), value.size()};
  }
  uint64_t generation() const override { return database_->generation; }

 private:
  void Arrive() {
    id_.reset();
    status_ = OkStatus();
    if (!iterator_->Valid()) {
      return;
    }
    const rocksdb::Slice slice = iterator_->key();
    const std::string_view key(slice.data(), slice.size());
    id_ = ParseRocksmqId(key.substr(prefix_.size()));
    if (!id_) {
      Fail("a key is not of RocksMQ: " + std::string(key));
    }
  }

  void Fail(const std::string& what) {
    id_.reset();
    status_ = DataLossError("RocksMQ store " + path_.string() + ": " + what);
  }

  const std::shared_ptr<Database> database_;
  const std::filesystem::path& path_;
  const std::string prefix_;
  const std::string upper_text_;
  const rocksdb::Slice lower_;
  const rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> iterator_;  // uses all of the above
  std::optional<int64_t> id_;
  Status status_;
};

Result<std::unique_ptr<RocksmqStore>> RocksmqStore::Open(std::filesystem::path path,
                                                         std::filesystem::path log_folder,
                                                         const Clock* clock) {
  CDC_RETURN_IF_ERROR(CheckFolder(path));
  CDC_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Database::Open(path, log_folder, 1));
  return std::unique_ptr<RocksmqStore>(
      new RocksmqStore(std::move(path), std::move(log_folder), clock, std::move(database)));
}

RocksmqStore::RocksmqStore(std::filesystem::path path,
                           std::filesystem::path log_folder,
                           const Clock* clock,
                           std::shared_ptr<Database> database)
    : path_(std::move(path)),
      log_folder_(std::move(log_folder)),
      clock_(clock),
      database_(std::move(database)) {}

RocksmqStore::~RocksmqStore() = default;

Status RocksmqStore::CatchUp(milliseconds max_age) {
  std::shared_ptr<Database> database;
  bool reopen = false;
  {
    MutexLock lock(mutex_);
    if (!idle_.WaitFor(lock, std::stop_token(), kBusyTimeout, [this] { return !busy_; })) {
      return UnavailableError("RocksMQ store " + path_.string() + " does not answer");
    }
    const auto age = clock_->Now() - refreshed_at_;
    if (age < max_age || (!last_.ok() && age < kRetryInterval)) {
      return last_;
    }
    busy_ = true;
    database = database_;
    reopen = std::exchange(broken_, false) || !last_.ok();
  }
  // Without the lock: a refresh does I/O, and NewIterator must not wait for it.
  const Status status = Refresh(database, reopen);
  MutexLock lock(mutex_);
  last_ = status;
  refreshed_at_ = clock_->Now();
  busy_ = false;
  idle_.NotifyAll();
  return status;
}

Status RocksmqStore::Refresh(const std::shared_ptr<Database>& database, bool reopen) {
  // A store that was deleted and created anew never shows in the files that are open.
  if (reopen || ReadIdentity(path_) != database->identity) {
    return Reopen();
  }
  if (!database->db->TryCatchUpWithPrimary().ok()) {
    // Files vanished before they were read: reopening starts from the current ones.
    return Reopen();
  }
  const uint64_t sequence = database->db->GetLatestSequenceNumber();
  MutexLock lock(mutex_);
  if (sequence != sequence_) {
    sequence_ = sequence;
    ++version_;
  }
  return OkStatus();
}

Status RocksmqStore::Reopen() {
  uint64_t generation = 0;
  {
    MutexLock lock(mutex_);
    generation = database_->generation + 1;
  }
  if (const Status folder = CheckFolder(path_); !folder.ok()) {
    // Not kNotFound: the store was there before and may come back.
    return UnavailableError(folder.message());
  }
  CDC_ASSIGN_OR_RETURN(std::shared_ptr<Database> database,
                       Database::Open(path_, log_folder_, generation));
  MutexLock lock(mutex_);
  sequence_ = database->db->GetLatestSequenceNumber();
  ++version_;
  // The old one is closed outside the lock, unless an iterator still reads from it.
  database_.swap(database);
  return OkStatus();
}

uint64_t RocksmqStore::version() const {
  MutexLock lock(mutex_);
  return version_;
}

std::unique_ptr<RocksmqIterator> RocksmqStore::NewIterator(std::string_view topic) {
  std::shared_ptr<Database> database;
  {
    MutexLock lock(mutex_);
    database = database_;
  }
  return std::make_unique<Iterator>(std::move(database), path_, topic);
}

void RocksmqStore::MarkBroken(uint64_t generation) {
  MutexLock lock(mutex_);
  if (database_->generation == generation) {
    broken_ = true;
  }
}

}  // namespace cdc
