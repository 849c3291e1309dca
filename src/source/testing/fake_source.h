#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "source/catalog_source.h"
#include "source/log.h"

namespace cdc {

// A catalog set by a test.
class FakeCatalog : public CatalogSource {
 public:
  std::shared_ptr<const Catalog> Current() const override;
  Result<std::shared_ptr<const Catalog>> Sync(const std::stop_token& stop) override;
  Result<Timestamp> Present(const std::stop_token& stop) override;
  std::unique_ptr<Subscription> Subscribe(Listener listener) override;

  void Set(Catalog catalog);
  void SetPresent(Timestamp present);  // which is asked for successfully from now on
  void FailPresent(const Status& status);
  // What the next Sync finds; it then becomes current, as if its events had arrived.
  void SetUnseen(Catalog catalog);
  // Makes the next calls of Sync fail.
  void FailSync(int times, const Status& status);

 private:
  void Notify();

  mutable Mutex mutex_;
  std::shared_ptr<const Catalog> current_ CDC_GUARDED_BY(mutex_) = std::make_shared<Catalog>();
  Result<Timestamp> present_ CDC_GUARDED_BY(mutex_) = Timestamp{};
  std::shared_ptr<const Catalog> unseen_ CDC_GUARDED_BY(mutex_);
  std::list<Listener> listeners_ CDC_GUARDED_BY(mutex_);
  int failures_ CDC_GUARDED_BY(mutex_) = 0;
  Status failure_ CDC_GUARDED_BY(mutex_);
};

// A queue in memory. Each channel's ids are 1, 2, 3, …, as 8 bytes little-endian.
class FakeLog : public Log {
 public:
  Result<std::unique_ptr<LogReader>> NewReader() override;
  Result<std::optional<MsgId>> Latest(const std::string& channel) override;
  Status CheckPosition(const std::string& channel, const LogPosition& start) override;
  std::strong_ordering Compare(const MsgId& a, const MsgId& b) const override;
  std::string FormatId(const MsgId& id) const override;

  MsgId Append(const std::string& channel, std::string payload);
  // Removes the records before `id`, as a queue's retention does.
  void Expire(const std::string& channel, const MsgId& id);
  // From now on Latest and CheckPosition fail.
  void FailQuestions(Status status);
  // How often Latest or CheckPosition was called.
  size_t questions() const;

  static MsgId IdOf(int64_t number);
  static int64_t NumberOf(const MsgId& id);

 private:
  friend class FakeLogReader;
  struct Topic {
    int64_t first = 1;
    std::vector<std::string> records;
  };
  mutable Mutex mutex_;
  CondVar appended_;
  std::map<std::string, Topic> topics_ CDC_GUARDED_BY(mutex_);
  Status failure_ CDC_GUARDED_BY(mutex_);
  size_t questions_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
