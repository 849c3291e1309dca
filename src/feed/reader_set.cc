#include "feed/reader_set.h"

namespace cdc {

Result<LogReader*> ReaderSet::Open(size_t slot) {
  std::unique_ptr<LogReader>& reader = slots_.at(slot).reader;
  if (reader == nullptr) {
    CDC_ASSIGN_OR_RETURN(reader, log_->NewReader());
  }
  return reader.get();
}

void ReaderSet::Unuse(size_t slot) {
  Slot& used = slots_.at(slot);
  // The first reader stays, because nearly every channel is read by it.
  if (--used.channels == 0 && slot > 0) {
    used.reader.reset();
  }
}

}  // namespace cdc
