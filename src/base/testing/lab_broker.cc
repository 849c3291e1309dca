#include "base/testing/lab_broker.h"

#include <array>
#include <filesystem>
#include <string_view>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cdc {

Result<std::unique_ptr<LabBroker>> LabBroker::Launch(const std::string& root,
                                                     const std::string& module,
                                                     const std::string& files) {
  const std::string python = root + "/.cache/venv/bin/python";
  if (access(python.c_str(), X_OK) != 0 ||
      !std::filesystem::exists(root + "/.cache/" + files + "/.stamp")) {
    return NotFoundError("no " + files + ", run ./dev setup");
  }
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
    return InternalError("cannot make a pipe");
  }
  std::unique_ptr<LabBroker> broker(new LabBroker);
  const std::string folder = root + "/tests";
  broker->process_ = fork();
  if (broker->process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    if (chdir(folder.c_str()) == 0) {
      execl(python.c_str(), python.c_str(), "-B", "-m", module.c_str(), nullptr);
    }
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  broker->to_ = in[1];
  broker->from_ = out[0];
  if (broker->process_ < 0) {
    return InternalError("cannot start " + python);
  }
  return broker;
}

LabBroker::~LabBroker() {
  // When its input ends, the module stops the broker and removes the data.
  close(to_);
  close(from_);
  if (process_ > 0) {
    waitpid(process_, nullptr, 0);
  }
}

Result<std::string> LabBroker::Command(const std::string& line) {
  const std::string text = line + "\n";
  if (write(to_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return InternalError("the broker's process has ended");
  }
  std::string answer;
  for (char c = 0; read(from_, &c, 1) == 1;) {
    if (c == '\n') {
      return answer;
    }
    answer += c;
  }
  return InternalError("the broker's process has ended");
}

Result<std::string> LabBroker::Start() {
  constexpr std::string_view kReady = "ready ";
  CDC_ASSIGN_OR_RETURN(const std::string answer, Command("start"));
  if (!answer.starts_with(kReady)) {
    return InternalError("the broker did not start: " + answer);
  }
  return answer.substr(kReady.size());
}

Status LabBroker::Kill() { return Command("kill").status(); }

}  // namespace cdc
