#include "source/rocksmq/rocksmq_log.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "source/rocksmq/rocksmq_log_key.h"
#include "source/rocksmq/rocksmq_log_position.h"
#include "source/rocksmq/rocksmq_log_reader.h"
#include "source/rocksmq/rocksmq_log_store.h"

namespace cdc {
namespace {

namespace fs = std::filesystem;

// The folder for RocksDB's own log; removed at the end if it was created here.
class LogFolder {
 public:
  static Result<LogFolder> Make(const std::string& wanted) {
    std::error_code error;
    if (!wanted.empty()) {
      fs::create_directories(wanted, error);
      if (error) {
        return FailedPreconditionError("cannot make the folder " + wanted + ": " + error.message());
      }
      return LogFolder(wanted, false);
    }
    const fs::path parent = fs::temp_directory_path(error);
    std::string pattern = (parent / "milvus-cdc-rocksmq-XXXXXX").string();
    if (error || ::mkdtemp(pattern.data()) == nullptr) {
      return FailedPreconditionError(
          "cannot make a temporary folder: " +
          (error ? error : std::error_code(errno, std::generic_category())).message());
    }
    return LogFolder(pattern, true);
  }

  LogFolder(LogFolder&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  LogFolder& operator=(LogFolder&&) = delete;
  ~LogFolder() {
    if (temporary_) {
      std::error_code ignored;  // a leftover in the temporary folder does no harm
      fs::remove_all(path_, ignored);
    }
  }

  const fs::path& path() const { return path_; }

 private:
  LogFolder(fs::path path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}

  fs::path path_;
  bool temporary_;
};

class RocksmqLog : public Log {
 public:
  RocksmqLog(RocksmqOptions options, LogFolder folder, std::unique_ptr<RocksmqStore> store)
      : options_(std::move(options)), folder_(std::move(folder)), store_(std::move(store)) {}

  Result<std::unique_ptr<LogReader>> NewReader() override {
    return std::unique_ptr<LogReader>(std::make_unique<RocksmqLogReader>(store_.get(), options_));
  }

  Result<std::optional<MsgId>> Latest(const std::string& channel) override {
    CDC_ASSIGN_OR_RETURN(const auto iterator, FreshIterator(channel));
    iterator->SeekToLast();
    if (iterator->Valid()) {
      return std::optional<MsgId>(EncodeRocksmqId(iterator->id()));
    }
    CDC_RETURN_IF_ERROR(iterator->status());
    return std::optional<MsgId>();
  }

  Status CheckPosition(const std::string& channel, const LogPosition& start) override {
    CDC_ASSIGN_OR_RETURN(const int64_t id, DecodeRocksmqId(start.id));
    CDC_ASSIGN_OR_RETURN(const auto iterator, FreshIterator(channel));
    CDC_ASSIGN_OR_RETURN(const RocksmqLocation location, LocateRocksmq(iterator.get(), id));
    return CheckRocksmqStart(channel, id, location);
  }

  std::strong_ordering Compare(const MsgId& a, const MsgId& b) const override {
    const auto left = DecodeRocksmqId(a);
    const auto right = DecodeRocksmqId(b);
    // Invalid ids have an order too, so that sorting is well-defined.
    return left.ok() && right.ok() ? *left <=> *right : a.bytes <=> b.bytes;
  }

  std::string FormatId(const MsgId& id) const override {
    const auto number = DecodeRocksmqId(id);
    return number.ok() ? std::to_string(*number) : "(" + number.status().message() + ")";
  }

 private:
  // Shows everything written before the call.
  Result<std::unique_ptr<RocksmqIterator>> FreshIterator(const std::string& channel) {
    CDC_RETURN_IF_ERROR(store_->CatchUp(std::chrono::milliseconds(0)));
    return store_->NewIterator(channel);
  }

  const RocksmqOptions options_;
  const LogFolder folder_;  // outlives the store, which writes to it
  const std::unique_ptr<RocksmqStore> store_;
};

}  // namespace

Result<std::unique_ptr<Log>> OpenRocksmqLog(const RocksmqOptions& options) {
  CDC_ASSIGN_OR_RETURN(LogFolder folder, LogFolder::Make(options.secondary_dir));
  CDC_ASSIGN_OR_RETURN(auto store, RocksmqStore::Open(options.path, folder.path(), options.clock));
  return std::unique_ptr<Log>(
      std::make_unique<RocksmqLog>(options, std::move(folder), std::move(store)));
}

}  // namespace cdc
