#include "etcd/testing/etcd_process.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stop_token>
#include <thread>
#include <utility>

#include <unistd.h>

#include "base/testing/eventually.h"
#include "base/testing/free_port.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_connection.h"

namespace cdc {
namespace {

std::string FindEtcd() {
  for (const char* path : {"/usr/bin/etcd", "/usr/local/bin/etcd"}) {
    if (access(path, X_OK) == 0) {
      return path;
    }
  }
  return "";
}

Status Checked(const grpc::Status& status) { return FromGrpc(status, {}); }

}  // namespace

bool HasEtcdBinary() { return !FindEtcd().empty(); }

struct EtcdProcess::Stubs {
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  std::unique_ptr<EtcdConnection> connection;

  // Calls `function(stubs, context)` on a live connection.
  template <class Function>
  Status Call(const std::string& token, Function function) {
    const auto deadline = std::chrono::system_clock::now() + kPatience;
    CDC_ASSIGN_OR_RETURN(auto stubs, connection->Dial(deadline, {}));
    grpc::ClientContext context;
    context.set_deadline(deadline);
    if (!token.empty()) {
      context.AddMetadata("token", token);
    }
    return Checked(function(*stubs, &context));
  }
};

EtcdProcess::EtcdProcess(EtcdProcessOptions options)
    : options_(std::move(options)), stubs_(std::make_unique<Stubs>()) {}

Result<std::unique_ptr<EtcdProcess>> EtcdProcess::Start(EtcdProcessOptions options) {
  std::unique_ptr<EtcdProcess> process(new EtcdProcess(std::move(options)));
  std::string folder = (std::filesystem::temp_directory_path() / "cdc_etcd_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return InternalError("cannot make a folder: " + folder);
  }
  process->folder_ = folder;
  const bool tls = !process->options_.ca_file.empty();
  process->scheme_ = tls ? "https" : "http";
  process->endpoint_ = process->scheme_ + "://127.0.0.1:" + std::to_string(FreePort());
  process->peer_ = "http://127.0.0.1:" + std::to_string(FreePort());
  CDC_ASSIGN_OR_RETURN(
      process->stubs_->credentials,
      MakeEtcdCredentials(tls, process->options_.ca_file, process->options_.cert_file,
                          process->options_.key_file));
  CDC_RETURN_IF_ERROR(process->Connect(process->endpoint_));
  CDC_RETURN_IF_ERROR(process->Launch());
  return process;
}

Status EtcdProcess::Connect(const std::string& endpoint) {
  CDC_ASSIGN_OR_RETURN(EtcdEndpoint parsed, ParseEtcdEndpoint(endpoint, false));
  stubs_->connection = std::make_unique<EtcdConnection>(std::move(parsed), stubs_->credentials);
  current_endpoint_ = endpoint;
  return OkStatus();
}

EtcdProcess::~EtcdProcess() {
  Kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Status EtcdProcess::Restart(RestartOptions options) {
  Kill();
  if (options.wipe) {
    std::filesystem::remove_all(folder_ + "/data");
  }
  CDC_RETURN_IF_ERROR(Connect(
      options.elsewhere ? scheme_ + "://127.0.0.1:" + std::to_string(FreePort()) : endpoint_));
  token_.clear();
  CDC_RETURN_IF_ERROR(Launch());
  return user_.empty() ? OkStatus() : Login();
}

Status EtcdProcess::Launch() {
  std::vector<std::string> arguments = {
      FindEtcd(),
      "--data-dir=" + folder_ + "/data",
      "--name=test",
      "--listen-client-urls=" + current_endpoint_,
      "--advertise-client-urls=" + current_endpoint_,
      "--listen-peer-urls=" + peer_,
      "--initial-advertise-peer-urls=" + peer_,
      "--initial-cluster=test=" + peer_,
      "--log-level=warn",
  };
  if (!options_.ca_file.empty()) {
    arguments.insert(arguments.end(),
                     {"--trusted-ca-file=" + options_.ca_file, "--cert-file=" + options_.cert_file,
                      "--key-file=" + options_.key_file, "--client-cert-auth"});
  }
  arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
  CDC_RETURN_IF_ERROR(process_.Start(std::move(arguments), folder_ + "/log"));
  return WaitUntilReady();
}

Status EtcdProcess::WaitUntilReady() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Status last;
  while (std::chrono::steady_clock::now() < deadline) {
    // Succeeds only with a leader; with authentication on, its error shows that etcd is up as well.
    last = stubs_->Call(token_, [](EtcdStubs& stubs, grpc::ClientContext* context) {
      etcdserverpb::RangeRequest request;
      request.set_key("ready");
      etcdserverpb::RangeResponse response;
      return stubs.kv->Range(context, request, &response);
    });
    if (last.ok() || last.code() == StatusCode::kUnauthenticated) {
      return OkStatus();
    }
    if (process_.HasEnded()) {
      std::ifstream log(folder_ + "/log");
      return InternalError("etcd has ended: " +
                           std::string(std::istreambuf_iterator<char>(log), {}));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // a poll of another process
  }
  return last.WithContext("etcd is not ready");
}

int64_t EtcdProcess::Put(const std::string& key, const std::string& value) {
  return Txn({{.key = key, .value = value}});
}

int64_t EtcdProcess::Delete(const std::string& key) {
  return Txn({{.key = key, .value = "", .deleted = true}});
}

int64_t EtcdProcess::Txn(const std::vector<Change>& changes) {
  etcdserverpb::TxnRequest request;
  for (const Change& change : changes) {
    auto* op = request.add_success();
    if (change.deleted) {
      op->mutable_request_delete_range()->set_key(change.key);
    } else {
      op->mutable_request_put()->set_key(change.key);
      op->mutable_request_put()->set_value(change.value);
    }
  }
  etcdserverpb::TxnResponse response;
  const Status status = stubs_->Call(token_, [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    return stubs.kv->Txn(context, request, &response);
  });
  CDC_CHECK(status.ok());
  return response.header().revision();
}

Status EtcdProcess::Compact(int64_t revision) {
  return stubs_->Call(token_, [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    etcdserverpb::CompactionRequest request;
    request.set_revision(revision);
    request.set_physical(true);
    etcdserverpb::CompactionResponse response;
    return stubs.kv->Compact(context, request, &response);
  });
}

Status EtcdProcess::EnableAuth(const std::string& user, const std::string& password) {
  CDC_RETURN_IF_ERROR(stubs_->Call("", [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    etcdserverpb::AuthUserAddRequest request;
    request.set_name(user);
    request.set_password(password);
    etcdserverpb::AuthUserAddResponse response;
    return stubs.auth->UserAdd(context, request, &response);
  }));
  CDC_RETURN_IF_ERROR(stubs_->Call("", [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    etcdserverpb::AuthRoleAddRequest request;
    request.set_name("root");
    etcdserverpb::AuthRoleAddResponse response;
    return stubs.auth->RoleAdd(context, request, &response);
  }));
  CDC_RETURN_IF_ERROR(stubs_->Call("", [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    etcdserverpb::AuthUserGrantRoleRequest request;
    request.set_user(user);
    request.set_role("root");
    etcdserverpb::AuthUserGrantRoleResponse response;
    return stubs.auth->UserGrantRole(context, request, &response);
  }));
  CDC_RETURN_IF_ERROR(stubs_->Call("", [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    etcdserverpb::AuthEnableResponse response;
    return stubs.auth->AuthEnable(context, {}, &response);
  }));
  user_ = user;
  password_ = password;
  return Login();
}

Status EtcdProcess::Login() {
  return stubs_->Call("", [&](EtcdStubs& stubs, grpc::ClientContext* context) {
    etcdserverpb::AuthenticateRequest request;
    request.set_name(user_);
    request.set_password(password_);
    etcdserverpb::AuthenticateResponse response;
    const grpc::Status status = stubs.auth->Authenticate(context, request, &response);
    token_ = response.token();
    return status;
  });
}

}  // namespace cdc
