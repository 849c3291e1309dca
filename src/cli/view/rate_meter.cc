#include "cli/view/rate_meter.h"

namespace cdc::cli {

std::optional<Rates> RateMeter::Update(const TaskInfo& task,
                                       std::chrono::steady_clock::time_point now) {
  const Sample sample{task.rows, task.bytes_written, now};
  const auto [found, is_new] = last_.try_emplace(task.id, sample);
  const Sample last = found->second;
  found->second = sample;
  const double seconds = std::chrono::duration<double>(now - last.at).count();
  const RowCounts& rows = sample.rows;
  if (is_new || seconds <= 0 || rows.inserted < last.rows.inserted ||
      rows.upserted < last.rows.upserted || rows.deleted < last.rows.deleted) {
    return std::nullopt;
  }
  const auto rate = [seconds](uint64_t from, uint64_t to) {
    return static_cast<double>(to - from) / seconds;
  };
  Rates rates{.inserted = rate(last.rows.inserted, rows.inserted),
              .upserted = rate(last.rows.upserted, rows.upserted),
              .deleted = rate(last.rows.deleted, rows.deleted)};
  // An older server reports no bytes.
  if (sample.bytes && last.bytes && *sample.bytes >= *last.bytes) {
    rates.bytes = rate(*last.bytes, *sample.bytes);
  }
  return rates;
}

}  // namespace cdc::cli
