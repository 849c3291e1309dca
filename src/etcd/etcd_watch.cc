#include "etcd/etcd_watch.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

// Only one operation of the stream is in progress at a time, so any pointer will do.
void* Tag(EtcdWatchStream* stream) { return stream; }

}  // namespace

EtcdWatchStream::~EtcdWatchStream() {
  context_.TryCancel();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  // Returns at once: the operation in progress has been cancelled. gRPC requires a drained queue.
  while (queue_.Next(&tag, &ok)) {
  }
}

Status EtcdWatchStream::Open(const KeyRange& range,
                             int64_t start_revision,
                             const std::string& token,
                             EtcdDeadline deadline,
                             const std::stop_token& stop) {
  // Makes a member that has lost its leader end the stream instead of staying silent.
  context_.AddMetadata("hasleader", "true");
  if (!token.empty()) {
    context_.AddMetadata("token", token);
  }
  etcdserverpb::WatchRequest request;
  auto* create = request.mutable_create_request();
  create->set_key(range.begin);
  create->set_range_end(range.end);
  create->set_start_revision(start_revision);
  // Notifications move the revision on while the range is quiet; fragments carry transactions
  // larger than a message.
  create->set_progress_notify(true);
  create->set_fragment(true);

  stream_ = stubs_->watch->PrepareAsyncWatch(&context_, &queue_);
  stream_->StartCall(Tag(this));
  CDC_RETURN_IF_ERROR(OpenStep(Await(deadline, stop), stop));
  stream_->Write(request, Tag(this));
  CDC_RETURN_IF_ERROR(OpenStep(Await(deadline, stop), stop));
  stream_->Read(&response_, Tag(this));
  CDC_RETURN_IF_ERROR(OpenStep(Await(deadline, stop), stop));
  const Status canceled = CheckCanceled();
  if (!canceled.ok()) {
    return Break(canceled);
  }
  if (!response_.created()) {
    return Break(UnavailableError("etcd did not confirm the watch"));
  }
  store_revision_ = response_.header().revision();
  // Without a start revision the watch begins right after the state it was created in.
  revision_ = start_revision > 0 ? start_revision - 1 : store_revision_;
  opened_ = true;
  return OkStatus();
}

Status EtcdWatchStream::OpenStep(Outcome outcome, const std::stop_token& stop) {
  switch (outcome) {
    case Outcome::kDone: return OkStatus();
    case Outcome::kEnded: return Finish(stop);
    case Outcome::kTimeout: break;
  }
  context_.TryCancel();
  return Break(DeadlineExceededError("etcd did not confirm the watch in time"));
}

Result<WatchBatch> EtcdWatchStream::Next(std::chrono::milliseconds timeout,
                                         const std::stop_token& stop) {
  if (!broken_.ok()) {
    return broken_;
  }
  const EtcdDeadline deadline = std::chrono::system_clock::now() + timeout;
  while (true) {
    if (!reading_) {
      stream_->Read(&response_, Tag(this));
      reading_ = true;
    }
    const Outcome outcome = Await(deadline, stop);
    if (outcome == Outcome::kTimeout) {
      return WatchBatch{.events = {}, .revision = revision_};
    }
    reading_ = false;
    if (outcome == Outcome::kEnded) {
      return Finish(stop);
    }
    const Status canceled = CheckCanceled();
    if (!canceled.ok()) {
      return Break(canceled);
    }
    TakeEvents();
    if (!response_.fragment()) {
      revision_ = std::max(revision_, batch_.revision);
      batch_.revision = revision_;
      return std::exchange(batch_, {});
    }
  }
}

EtcdWatchStream::Outcome EtcdWatchStream::Await(EtcdDeadline deadline,
                                                const std::stop_token& stop) {
  const std::stop_callback cancel(stop, [this] { context_.TryCancel(); });
  void* tag = nullptr;
  bool ok = false;
  switch (queue_.AsyncNext(&tag, &ok, deadline)) {
    case grpc::CompletionQueue::GOT_EVENT: return ok ? Outcome::kDone : Outcome::kEnded;
    case grpc::CompletionQueue::TIMEOUT: return Outcome::kTimeout;
    case grpc::CompletionQueue::SHUTDOWN: break;
  }
  return Outcome::kEnded;
}

Status EtcdWatchStream::Finish(const std::stop_token& stop) {
  // Returns at once: a failed operation means that the stream has ended.
  stream_->Finish(&final_status_, Tag(this));
  const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(2);
  if (Await(deadline, stop) == Outcome::kTimeout) {
    return Break(UnavailableError("the stream ended without a reason"));
  }
  if (final_status_.ok()) {
    return Break(UnavailableError("etcd ended the stream"));
  }
  return Break(FromGrpc(final_status_, stop));
}

Status EtcdWatchStream::Break(Status status) {
  // During Open the client adds the endpoint's name itself.
  broken_ = opened_ ? status.WithContext("watch on etcd " + endpoint_) : std::move(status);
  return broken_;
}

Status EtcdWatchStream::CheckCanceled() const {
  if (!response_.canceled()) {
    return OkStatus();
  }
  const std::string& reason = response_.cancel_reason();
  if (response_.compact_revision() > 0) {
    return OutOfRangeError("revisions were compacted: " + std::to_string(revision_ + 1) + " < " +
                           std::to_string(response_.compact_revision()));
  }
  if (Contains(reason, "permission denied")) {
    return {StatusCode::kPermissionDenied, reason};
  }
  if (Contains(reason, "auth token") || Contains(reason, "auth store")) {
    return {StatusCode::kUnauthenticated, reason};
  }
  return UnavailableError("etcd ended the watch: " + reason);
}

void EtcdWatchStream::TakeEvents() {
  for (auto& event : *response_.mutable_events()) {
    auto* kv = event.mutable_kv();
    batch_.events.push_back({.deleted = event.type() == etcdserverpb::Event::DELETE,
                             .kv = {.key = std::move(*kv->mutable_key()),
                                    .value = std::move(*kv->mutable_value()),
                                    .mod_revision = kv->mod_revision()}});
  }
  // The header of a response with events has the store's revision at that moment, but a watcher
  // that catches up gets its events in several responses: only the last event tells how far it is.
  // A response without events is a progress notification, made in the watcher's own order, so its
  // header counts. (A response to a progress *request* does not: etcd before 3.4.25 and 3.5.8 may
  // send it ahead of events it covers. We do not request it.)
  batch_.revision =
      batch_.events.empty() ? response_.header().revision() : batch_.events.back().kv.mod_revision;
}

}  // namespace cdc
