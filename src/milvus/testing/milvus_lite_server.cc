#include "milvus/testing/milvus_lite_server.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/testing/eventually.h"
#include "base/testing/free_port.h"
#include "milvus/endpoint.h"
#include "milvus/metadata_reader.h"
#include "milvus/milvus_channel.h"

namespace cdc {
namespace {

[[noreturn]] void Exec(const std::string& program, const std::string& folder, int port) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = open((folder + "/log").c_str(), O_CREAT | O_WRONLY, 0644);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  const std::string data = folder + "/data";
  const std::string number = std::to_string(port);
  execl(program.c_str(), program.c_str(), "server", "--data-dir", data.c_str(), "--host",
        "127.0.0.1", "--port", number.c_str(), nullptr);
  _exit(127);
}

}  // namespace

Result<std::unique_ptr<MilvusLiteServer>> MilvusLiteServer::Start(const std::string& program) {
  if (access(program.c_str(), X_OK) != 0) {
    return NotFoundError("no Milvus Lite, run ./dev setup: " + program);
  }
  std::unique_ptr<MilvusLiteServer> server(new MilvusLiteServer);
  std::string folder = (std::filesystem::temp_directory_path() / "cdc_lite_XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return UnavailableError("cannot make a folder: " + folder);
  }
  server->folder_ = folder;
  server->port_ = FreePort();
  server->process_ = fork();
  if (server->process_ == 0) {
    Exec(program, folder, server->port_);
  }
  if (server->process_ < 0) {
    return UnavailableError("cannot start " + program);
  }
  CDC_RETURN_IF_ERROR(server->WaitUntilReady());
  return server;
}

Status MilvusLiteServer::WaitUntilReady() const {
  constexpr std::chrono::milliseconds kCallTimeout{1000};
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(uri()));
  MilvusChannel channel(endpoint, {});
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  Status status;
  while (std::chrono::steady_clock::now() < deadline) {
    status = GreetMilvus({.channel = &channel, .timeout = kCallTimeout}).status();
    if (status.ok()) {
      return status;
    }
    int exit_status = 0;
    if (waitpid(process_, &exit_status, WNOHANG) == process_) {
      return UnavailableError("Milvus Lite has ended, see " + folder_ + "/log");
    }
    std::this_thread::sleep_for(
        std::chrono::milliseconds(20));  // in another process, so only polling works
  }
  return status.WithContext("Milvus Lite does not answer");
}

MilvusLiteServer::~MilvusLiteServer() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  std::error_code ignored;  // a folder left behind does no harm
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace cdc
