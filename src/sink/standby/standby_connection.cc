#include "sink/standby/standby_connection.h"

#include "milvus/credentials.h"
#include "milvus/endpoint.h"

namespace cdc {
namespace {

// With lengths, so that different credentials never share a text.
std::string Fingerprint(const Endpoint& endpoint, const MilvusChannel::Credentials& credentials) {
  std::string text = endpoint.Key() + ' ';
  for (const std::string* each :
       {&credentials.token, &credentials.server_name, &credentials.authority_pem,
        &credentials.certificate_pem, &credentials.key_pem}) {
    text += std::to_string(each->size()) + ':' + *each;
  }
  return text;
}

}  // namespace

Result<std::unique_ptr<StandbyConnection>> StandbyConnection::New(const TargetOptions& target) {
  std::unique_ptr<StandbyConnection> connection(new StandbyConnection());
  CDC_RETURN_IF_ERROR(connection->UseAccess(target));
  return connection;
}

Status StandbyConnection::UseAccess(const TargetOptions& target) {
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(target.uri));
  CDC_ASSIGN_OR_RETURN(const auto credentials, ReadCredentials(target.token, target.tls));
  MutexLock lock(mutex_);
  std::unique_ptr<MilvusChannel>& channel = channels_[Fingerprint(endpoint, credentials)];
  if (channel == nullptr) {
    channel = std::make_unique<MilvusChannel>(endpoint, credentials);
  }
  current_ = channel.get();
  return OkStatus();
}

MilvusChannel* StandbyConnection::channel() const {
  MutexLock lock(mutex_);
  return current_;
}

}  // namespace cdc
