#include "etcd/etcd_client.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "etcd/etcd_connection.h"
#include "etcd/etcd_endpoint.h"
#include "etcd/etcd_watch.h"
#include "etcd/etcd_writer.h"

namespace cdc {
namespace {

// The token has expired or is not valid yet: worth one new login.
bool NeedsLogin(const Status& status) {
  return status.code() == StatusCode::kUnauthenticated ||
         Contains(status.message(), "invalid auth token") ||
         Contains(status.message(), "auth store is old");
}

// The login of one user: fetches the token on demand. Thread-safe.
class TokenSource {
 public:
  TokenSource(std::string user, std::string password)
      : user_(std::move(user)), password_(std::move(password)) {}

  bool enabled() const { return !user_.empty(); }

  // Returns an empty token without a user, or if the server has authentication off.
  Result<std::string> Get(EtcdStubs& stubs, EtcdDeadline deadline, const std::stop_token& stop) {
    if (!enabled()) {
      return std::string();
    }
    {
      MutexLock lock(mutex_);
      if (token_.has_value()) {
        return *token_;
      }
    }
    // Without the lock, since this is a call. Two threads may log in at once; both tokens work.
    etcdserverpb::AuthenticateRequest request;
    request.set_name(user_);
    request.set_password(password_);
    etcdserverpb::AuthenticateResponse response;
    grpc::ClientContext context;
    context.set_deadline(deadline);
    const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
    const Status status = FromGrpc(stubs.auth->Authenticate(&context, request, &response), stop);
    if (!status.ok() && !Contains(status.message(), "authentication is not enabled")) {
      return status.WithContext("log in");
    }
    MutexLock lock(mutex_);
    token_ = response.token();
    return *token_;
  }

  // Forgets `token` unless it has been replaced meanwhile.
  void Invalidate(const std::string& token) {
    MutexLock lock(mutex_);
    if (token_ == token) {
      token_.reset();
    }
  }

 private:
  const std::string user_;
  const std::string password_;
  Mutex mutex_;
  std::optional<std::string> token_ CDC_GUARDED_BY(mutex_);
};

class Client final : public EtcdWriter {
 public:
  Client(EtcdOptions options, std::vector<std::unique_ptr<EtcdConnection>> connections)
      : options_(std::move(options)),
        connections_(std::move(connections)),
        tokens_(options_.user, options_.password) {}

  Result<EtcdRange> Range(const KeyRange& range,
                          const RangeOptions& options,
                          const std::stop_token& stop) override;
  Result<RangeSummary> Summarize(const std::vector<KeyRange>& ranges,
                                 const std::stop_token& stop) override;
  Result<EtcdStatus> GetStatus(const std::stop_token& stop) override;
  Result<std::unique_ptr<EtcdWatch>> Watch(const KeyRange& range,
                                           int64_t start_revision,
                                           const std::stop_token& stop) override;
  Result<EtcdTxnResult> Txn(const EtcdTxn& txn, const std::stop_token& stop) override;
  Result<EtcdLease> GrantLease(std::chrono::seconds ttl, const std::stop_token& stop) override;
  Status KeepLease(int64_t lease, const std::stop_token& stop) override;
  Status RevokeLease(int64_t lease, const std::stop_token& stop) override;

 private:
  // One attempt at one endpoint.
  struct Attempt {
    std::shared_ptr<EtcdStubs> stubs;
    std::string endpoint;
    EtcdDeadline deadline;
    std::string token;
  };
  using AttemptFunction = std::function<Status(const Attempt&)>;

  // Runs `function` on one endpoint after the other until it returns anything but kUnavailable or
  // kDeadlineExceeded.
  Status OnSomeEndpoint(const std::stop_token& stop, const AttemptFunction& function);
  Status OnEndpoint(EtcdConnection& connection,
                    EtcdDeadline deadline,
                    const std::stop_token& stop,
                    const AttemptFunction& function);

  // A call with a single response.
  template <class Function>
  Status Unary(const std::stop_token& stop, Function function) {
    return OnSomeEndpoint(stop, [&](const Attempt& attempt) {
      grpc::ClientContext context;
      context.set_deadline(attempt.deadline);
      if (!attempt.token.empty()) {
        context.AddMetadata("token", attempt.token);
      }
      const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
      return FromGrpc(function(*attempt.stubs, &context), stop);
    });
  }

  const EtcdOptions options_;
  const std::vector<std::unique_ptr<EtcdConnection>> connections_;
  TokenSource tokens_;
  std::atomic<size_t> preferred_ = 0;  // the endpoint that answered last
};

Status Client::OnSomeEndpoint(const std::stop_token& stop, const AttemptFunction& function) {
  const EtcdDeadline deadline = std::chrono::system_clock::now() + options_.call_timeout;
  const size_t count = connections_.size();
  const size_t first = preferred_.load();
  std::string errors;
  StatusCode code = StatusCode::kDeadlineExceeded;
  for (size_t i = 0; i < count; ++i) {
    const size_t index = (first + i) % count;
    EtcdConnection& connection = *connections_[index];
    const auto now = std::chrono::system_clock::now();
    // A silent endpoint must leave time for the endpoints after it.
    const auto share = (deadline - now) / static_cast<int64_t>(count - i);
    const Status status = OnEndpoint(connection, now + share, stop, function);
    if (!status.ok() && stop.stop_requested()) {
      return CancelledError("stopped");
    }
    // Any other outcome is an answer: the endpoint works, and the others would say the same.
    if (status.code() != StatusCode::kUnavailable &&
        status.code() != StatusCode::kDeadlineExceeded) {
      preferred_.store(index);
      return status.ok() ? status : status.WithContext("etcd " + connection.name());
    }
    // kDeadlineExceeded is reported only if every endpoint was silent.
    if (status.code() == StatusCode::kUnavailable) {
      code = StatusCode::kUnavailable;
    }
    errors += (errors.empty() ? "" : "; ") + connection.name() + ": " + status.message();
  }
  return {code, "no etcd endpoint answers: " + errors};
}

Status Client::OnEndpoint(EtcdConnection& connection,
                          EtcdDeadline deadline,
                          const std::stop_token& stop,
                          const AttemptFunction& function) {
  const auto dial_deadline =
      std::min(deadline, std::chrono::system_clock::now() + options_.dial_timeout);
  CDC_ASSIGN_OR_RETURN(std::shared_ptr<EtcdStubs> stubs, connection.Dial(dial_deadline, stop));
  // The second round is for a token that has expired; a fresh one that fails too is the answer.
  for (bool first = true;; first = false) {
    CDC_ASSIGN_OR_RETURN(std::string token, tokens_.Get(*stubs, deadline, stop));
    const Status status = function({stubs, connection.name(), deadline, token});
    if (!first || !tokens_.enabled() || !NeedsLogin(status)) {
      return status;
    }
    tokens_.Invalidate(token);
  }
}

Result<EtcdRange> Client::Range(const KeyRange& range,
                                const RangeOptions& options,
                                const std::stop_token& stop) {
  etcdserverpb::RangeRequest request;
  request.set_key(range.begin);
  request.set_range_end(range.end);
  request.set_revision(options.revision);
  request.set_keys_only(options.keys_only);
  EtcdRange result;
  while (true) {
    const auto have = static_cast<int64_t>(result.kvs.size());
    request.set_limit(options.limit > 0 ? std::min(options_.page_keys, options.limit - have)
                                        : options_.page_keys);
    etcdserverpb::RangeResponse response;
    CDC_RETURN_IF_ERROR(Unary(stop, [&](EtcdStubs& stubs, grpc::ClientContext* context) {
      return stubs.kv->Range(context, request, &response);
    }));
    if (request.revision() == 0) {
      // Read every further page at the revision of the first.
      request.set_revision(response.header().revision());
    }
    for (auto& kv : *response.mutable_kvs()) {
      result.kvs.push_back({.key = std::move(*kv.mutable_key()),
                            .value = std::move(*kv.mutable_value()),
                            .mod_revision = kv.mod_revision()});
    }
    const bool enough =
        options.limit > 0 && static_cast<int64_t>(result.kvs.size()) >= options.limit;
    if (!response.more() || response.kvs().empty() || enough) {
      result.revision = request.revision();
      return result;
    }
    // The smallest key above the last one.
    request.set_key(result.kvs.back().key + '\0');
  }
}

// Not one transaction, although that would be a single call: etcd 3.5.5 (embedded in Milvus 2.3)
// crashes when a slow read transaction is cancelled.
Result<RangeSummary> Client::Summarize(const std::vector<KeyRange>& ranges,
                                       const std::stop_token& stop) {
  RangeSummary summary;
  for (const KeyRange& range : ranges) {
    etcdserverpb::RangeRequest request;
    request.set_key(range.begin);
    request.set_range_end(range.end);
    request.set_limit(1);
    request.set_keys_only(true);
    request.set_sort_order(etcdserverpb::RangeRequest::DESCEND);
    request.set_sort_target(etcdserverpb::RangeRequest::MOD);
    request.set_revision(summary.revision);  // all ranges at the revision of the first
    etcdserverpb::RangeResponse response;
    CDC_RETURN_IF_ERROR(Unary(stop, [&](EtcdStubs& stubs, grpc::ClientContext* context) {
      return stubs.kv->Range(context, request, &response);
    }));
    if (summary.revision == 0) {
      summary.revision = response.header().revision();
    }
    summary.keys += response.count();
    for (const auto& kv : response.kvs()) {
      summary.newest_mod_revision = std::max(summary.newest_mod_revision, kv.mod_revision());
    }
  }
  return summary;
}

Result<EtcdStatus> Client::GetStatus(const std::stop_token& stop) {
  etcdserverpb::StatusResponse response;
  CDC_RETURN_IF_ERROR(Unary(stop, [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    return stubs.maintenance->Status(context, {}, &response);
  }));
  return EtcdStatus{.version = response.version(), .revision = response.header().revision()};
}

Result<std::unique_ptr<EtcdWatch>> Client::Watch(const KeyRange& range,
                                                 int64_t start_revision,
                                                 const std::stop_token& stop) {
  std::unique_ptr<EtcdWatchStream> opened;
  CDC_RETURN_IF_ERROR(OnSomeEndpoint(stop, [&](const Attempt& attempt) {
    auto stream = std::make_unique<EtcdWatchStream>(attempt.stubs, attempt.endpoint);
    const Status status =
        stream->Open(range, start_revision, attempt.token, attempt.deadline, stop);
    if (status.ok()) {
      opened = std::move(stream);
    }
    return status;
  }));
  return std::unique_ptr<EtcdWatch>(std::move(opened));
}

Result<EtcdTxnResult> Client::Txn(const EtcdTxn& txn, const std::stop_token& stop) {
  etcdserverpb::TxnRequest request;
  for (const EtcdTxn::Unchanged& condition : txn.conditions) {
    auto* compare = request.add_compare();
    compare->set_target(etcdserverpb::Compare::MOD);
    compare->set_result(etcdserverpb::Compare::EQUAL);
    compare->set_key(condition.key);
    compare->set_mod_revision(condition.mod_revision);
  }
  for (const EtcdTxn::NotPutSince& condition : txn.range_conditions) {
    auto* compare = request.add_compare();
    compare->set_target(etcdserverpb::Compare::MOD);
    compare->set_result(etcdserverpb::Compare::LESS);
    compare->set_key(condition.keys.begin);
    compare->set_range_end(condition.keys.end);
    compare->set_mod_revision(condition.revision + 1);
  }
  for (const KeyRange& range : txn.deletions) {
    auto* deletion = request.add_success()->mutable_request_delete_range();
    deletion->set_key(range.begin);
    deletion->set_range_end(range.end);
  }
  for (const EtcdTxn::Put& each : txn.puts) {
    auto* put = request.add_success()->mutable_request_put();
    put->set_key(each.key);
    put->set_value(each.value);
    put->set_lease(each.lease);
  }
  etcdserverpb::TxnResponse response;
  CDC_RETURN_IF_ERROR(Unary(stop, [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    return stubs.kv->Txn(context, request, &response);
  }));
  return EtcdTxnResult{.succeeded = response.succeeded(), .revision = response.header().revision()};
}

Result<EtcdLease> Client::GrantLease(std::chrono::seconds ttl, const std::stop_token& stop) {
  etcdserverpb::LeaseGrantRequest request;
  request.set_ttl(ttl.count());
  etcdserverpb::LeaseGrantResponse response;
  CDC_RETURN_IF_ERROR(Unary(stop, [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    return stubs.lease->LeaseGrant(context, request, &response);
  }));
  return EtcdLease{.id = response.id(), .ttl = std::chrono::seconds(response.ttl())};
}

// etcd has no single call for it, so each opens a stream for one question and its answer.
Status Client::KeepLease(int64_t lease, const std::stop_token& stop) {
  etcdserverpb::LeaseKeepAliveRequest request;
  request.set_id(lease);
  etcdserverpb::LeaseKeepAliveResponse response;
  CDC_RETURN_IF_ERROR(Unary(stop, [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    const auto stream = stubs.lease->LeaseKeepAlive(context);
    if (stream->Write(request) && stream->Read(&response)) {
      // Otherwise the end of the stream would wait for etcd's.
      context->TryCancel();
      stream->Finish();
      return grpc::Status::OK;
    }
    const grpc::Status status = stream->Finish();
    return status.ok() ? grpc::Status(grpc::UNAVAILABLE, "etcd ended the stream") : status;
  }));
  return response.ttl() > 0 ? OkStatus() : NotFoundError("the lease has expired");
}

Status Client::RevokeLease(int64_t lease, const std::stop_token& stop) {
  etcdserverpb::LeaseRevokeRequest request;
  request.set_id(lease);
  etcdserverpb::LeaseRevokeResponse response;
  return Unary(stop, [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    return stubs.lease->LeaseRevoke(context, request, &response);
  });
}

}  // namespace

KeyRange PrefixRange(const std::string& prefix) {
  std::string end = prefix;
  while (!end.empty() && end.back() == '\xff') {
    end.pop_back();
  }
  if (end.empty()) {
    // A single zero byte means "no end" as an end, and the smallest possible key as a begin.
    const std::string zero(1, '\0');
    return {.begin = prefix.empty() ? zero : prefix, .end = zero};
  }
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return {.begin = prefix, .end = end};
}

Result<std::unique_ptr<EtcdWriter>> NewEtcdWriter(const EtcdOptions& options) {
  if (options.endpoints.empty()) {
    return InvalidArgumentError("no etcd endpoint is configured");
  }
  const bool tls_files =
      !options.ca_file.empty() || !options.cert_file.empty() || !options.key_file.empty();
  std::vector<std::unique_ptr<EtcdConnection>> connections;
  for (const std::string& text : options.endpoints) {
    CDC_ASSIGN_OR_RETURN(EtcdEndpoint endpoint, ParseEtcdEndpoint(text, tls_files));
    CDC_ASSIGN_OR_RETURN(
        auto credentials,
        MakeEtcdCredentials(endpoint.tls, options.ca_file, options.cert_file, options.key_file));
    connections.push_back(std::make_unique<EtcdConnection>(
        std::move(endpoint), std::move(credentials), options.tls_13_only && endpoint.tls));
  }
  return std::unique_ptr<EtcdWriter>(std::make_unique<Client>(options, std::move(connections)));
}

Result<std::unique_ptr<EtcdClient>> NewEtcdClient(const EtcdOptions& options) {
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<EtcdWriter> client, NewEtcdWriter(options));
  return std::unique_ptr<EtcdClient>(std::move(client));
}

}  // namespace cdc
