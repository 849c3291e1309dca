#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/testing/eventually.h"
#include "gtest/gtest.h"
#include "source/log.h"

namespace cdc {

// Values for records: the numbers from `first` to just before `end`.
inline std::vector<std::string> Numbers(int first, int end) {
  std::vector<std::string> values;
  for (int i = first; i < end; ++i) {
    values.push_back(std::to_string(i));
  }
  return values;
}

// What every Log promises: one suite for the fake and the real ones.
class LogContract {
 public:
  Log* log = nullptr;
  // Appends records to a channel, which exists from then on.
  std::function<void(const std::string& channel, const std::vector<std::string>& values)> write;
  std::string prefix;  // of the channels that it uses

  void Run() {
    auto reader = log->NewReader();
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    reader_ = std::move(*reader);
    AChannelMayComeLater();
    PositionsAreKept();
    APausedChannelKeepsItsPlace();
    reader_.reset();
  }

 private:
  using milliseconds = std::chrono::milliseconds;

  struct Seen {
    std::string channel;
    MsgId id;
    std::string value;
  };

  void Poll(size_t max_bytes = 1 << 20) {
    std::vector<LogBatch> batches;
    const Status status = reader_->Poll(max_bytes, milliseconds(20), {}, &batches);
    EXPECT_TRUE(status.ok()) << status.ToString();
    for (const LogBatch& batch : batches) {
      EXPECT_TRUE(batch.status.ok()) << batch.status.ToString();
      for (const LogRecord& record : batch.records) {
        seen_.push_back({batch.channel, record.id, std::string(record.payload.bytes)});
      }
    }
  }

  bool PollUntilSeen(size_t count, size_t max_bytes = 1 << 20) {
    return Eventually([&] {
      Poll(max_bytes);
      return seen_.size() >= count;
    });
  }

  std::vector<std::string> TakeValues() {
    std::vector<std::string> values;
    for (const Seen& seen : seen_) {
      values.push_back(seen.value);
    }
    seen_.clear();
    return values;
  }

  void Add(const std::string& channel, const std::optional<LogPosition>& start = std::nullopt) {
    const Status status = reader_->Add(channel, start);
    ASSERT_TRUE(status.ok()) << status.ToString();
  }

  void AChannelMayComeLater() {
    const std::string channel = prefix + "_later";
    auto latest = log->Latest(channel);
    ASSERT_TRUE(latest.ok()) << latest.status().ToString();
    EXPECT_FALSE(latest->has_value());
    Add(channel);
    Poll();
    Poll();
    write(channel, {"a", "b"});
    ASSERT_TRUE(PollUntilSeen(2));
    EXPECT_EQ(TakeValues(), (std::vector<std::string>{"a", "b"}));
    reader_->Remove(channel);
    write(channel, {"c"});
    Poll();
    EXPECT_TRUE(seen_.empty());
  }

  void PositionsAreKept() {
    const std::string channel = prefix + "_positions";
    write(channel, {"0", "1", "2"});
    write(channel, {"3", "4"});
    Add(channel);
    ASSERT_TRUE(PollUntilSeen(5, 1));  // one record at a time
    const std::vector<Seen> all = std::exchange(seen_, {});
    ASSERT_EQ(all.size(), 5U);
    EXPECT_EQ(*log->Latest(channel), all.back().id);
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].value, std::to_string(i));
      EXPECT_EQ(all[i].channel, channel);
      for (size_t j = 0; j < all.size(); ++j) {
        EXPECT_EQ(log->Compare(all[i].id, all[j].id), i <=> j);
        EXPECT_EQ(log->FormatId(all[i].id) == log->FormatId(all[j].id), i == j);
      }
      for (const bool inclusive : {true, false}) {
        const LogPosition start{all[i].id, inclusive};
        const Status there = log->CheckPosition(channel, start);
        EXPECT_TRUE(there.ok()) << there.ToString();
        reader_->Remove(channel);
        Add(channel, start);
        const size_t first = i + (inclusive ? 0 : 1);
        ASSERT_TRUE(PollUntilSeen(all.size() - first));
        Poll();
        ASSERT_EQ(seen_.size(), all.size() - first);
        for (size_t k = 0; k < seen_.size(); ++k) {
          EXPECT_EQ(seen_[k].id, all[first + k].id);
        }
        seen_.clear();
      }
    }
    // From the end it goes on.
    write(channel, {"5"});
    ASSERT_TRUE(PollUntilSeen(1));
    EXPECT_EQ(TakeValues(), std::vector<std::string>{"5"});
    reader_->Remove(channel);
  }

  void APausedChannelKeepsItsPlace() {
    const std::string slow = prefix + "_slow";
    const std::string fast = prefix + "_fast";
    write(slow, {"0", "1", "2", "3"});
    Add(slow);
    ASSERT_TRUE(PollUntilSeen(1, 1));
    reader_->SetPaused(slow, true);
    const std::vector<std::string> before = TakeValues();
    write(fast, {"x"});
    Add(fast);
    ASSERT_TRUE(PollUntilSeen(1));
    EXPECT_EQ(TakeValues(), std::vector<std::string>{"x"});
    reader_->SetPaused(slow, false);
    ASSERT_TRUE(PollUntilSeen(4 - before.size()));
    std::vector<std::string> values = before;
    for (const std::string& value : TakeValues()) {
      values.push_back(value);
    }
    EXPECT_EQ(values, (std::vector<std::string>{"0", "1", "2", "3"}));
  }

  std::unique_ptr<LogReader> reader_;
  std::vector<Seen> seen_;
};

}  // namespace cdc
