#include "source/kafka/testing/kafka_process.h"

#include <array>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cdc {

Result<std::unique_ptr<KafkaProcess>> KafkaProcess::Start(const std::string& root) {
  const std::string python = root + "/.cache/venv/bin/python";
  if (access(python.c_str(), X_OK) != 0 ||
      !std::filesystem::exists(root + "/.cache/kafka-3.9.1/.stamp")) {
    return NotFoundError("no Kafka, run ./dev setup");
  }
  std::unique_ptr<KafkaProcess> process(new KafkaProcess);
  CDC_RETURN_IF_ERROR(process->Launch(root, python));
  CDC_RETURN_IF_ERROR(process->Restart());
  return process;
}

Status KafkaProcess::Launch(const std::string& root, const std::string& python) {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
    return InternalError("cannot make a pipe");
  }
  const std::string folder = root + "/tests";
  process_ = fork();
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    if (chdir(folder.c_str()) == 0) {
      execl(python.c_str(), python.c_str(), "-B", "-m", "lab.kafka", nullptr);
    }
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = in[1];
  from_ = out[0];
  return process_ < 0 ? InternalError("cannot start " + python) : OkStatus();
}

KafkaProcess::~KafkaProcess() {
  // When its input ends, it stops the broker and removes the data.
  close(to_);
  close(from_);
  if (process_ > 0) {
    waitpid(process_, nullptr, 0);
  }
}

Result<std::string> KafkaProcess::Command(const std::string& line) {
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

Status KafkaProcess::Kill() { return Command("kill").status(); }

Status KafkaProcess::Restart() {
  CDC_ASSIGN_OR_RETURN(const std::string answer, Command("start"));
  std::istringstream words(answer);
  std::string ready;
  words >> ready >> address_ >> sasl_address_ >> ssl_address_ >> authority_;
  return ready == "ready" ? OkStatus() : InternalError("the broker did not start: " + answer);
}

}  // namespace cdc
