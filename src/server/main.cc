#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <future>
#include <memory>
#include <sstream>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <pthread.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/thread.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "cli/task_cli.h"
#include "cli/view/console.h"
#include "http/http_server.h"
#include "server/config.h"
#include "server/config_print.h"
#include "server/log_setup.h"
#include "server/metastore_command.h"
#include "server/milvus_source.h"
#include "server/open_files.h"
#include "server/server.h"
#include "source/storage/storage.h"

namespace {

constexpr int kExitCannotRun = static_cast<int>(cdc::cli::ExitCode::kRefused);
constexpr int kExitWrongUse = static_cast<int>(cdc::cli::ExitCode::kUsage);
constexpr std::chrono::milliseconds kStopLimit{4'500};

struct Arguments {
  std::string config = "./configs/cdc.yaml";
  bool config_given = false;
  bool check_config = false;
  std::vector<std::string> unknown;
};

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// The request to stop this process: SIGTERM or SIGINT, which must be blocked. A thread of its own
// waits for it, so that it also ends a start that takes long.
class StopRequest {
 public:
  StopRequest() {
    thread_ = cdc::Thread("cdc-signals", [this](const std::stop_token&) {
      const sigset_t signals = StopSignals();
      int signal = 0;
      sigwait(&signals, &signal);
      requested_.request_stop();
      signal_.set_value(signal);
    });
  }
  ~StopRequest() { Make(); }

  std::stop_token token() const { return requested_.get_token(); }
  // As if by `kill`. From any thread.
  void Make() const {
    if (!requested_.stop_requested()) {
      kill(getpid(), SIGTERM);
    }
  }
  // Returns the signal. Call it once.
  int Await() { return signal_.get_future().get(); }

 private:
  std::stop_source requested_;
  std::promise<int> signal_;
  cdc::Thread thread_;  // nothing may be declared after it: it uses what is above
};

// Stops in order, but within the time a supervisor usually waits. Server::Stop begins with the
// tasks, so all that may be unfinished after the limit is the answer to a hanging request.
void StopInTime(cdc::Server* server, int exit_code) {
  std::promise<void> stopped;
  const std::shared_future<void> done = stopped.get_future().share();
  const cdc::Thread watchdog("cdc-stop-limit", [done, exit_code](const std::stop_token&) {
    if (done.wait_for(kStopLimit) == std::future_status::timeout) {
      spdlog::error("not everything ended in time, leaving now");
      spdlog::shutdown();
      std::_Exit(exit_code);
    }
  });
  server->Stop();
  stopped.set_value();
}

// Reads the configuration, from the environment, too, and the files of the listener. A missing
// configuration is an error only if it was named.
cdc::Result<cdc::LoadedConfig> Load(const Arguments& arguments) {
  std::error_code error;
  if (arguments.config_given && !std::filesystem::exists(arguments.config, error)) {
    return cdc::InvalidArgumentError(arguments.config +
                                     ": there is no such file; without --config the defaults are "
                                     "used");
  }
  CDC_ASSIGN_OR_RETURN(cdc::LoadedConfig loaded,
                       cdc::LoadConfig(arguments.config, cdc::ProcessEnvironment()));
  CDC_RETURN_IF_ERROR(cdc::CheckTlsFiles(loaded.config.http.tls));
  return loaded;
}

// Prints what is configured, and starts nothing.
int CheckConfig(const Arguments& arguments) {
  const cdc::Result<cdc::LoadedConfig> loaded = Load(arguments);
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s\n", loaded.status().message().c_str());
    return kExitCannotRun;
  }
  for (const auto* messages : {&loaded->values.warnings(), &loaded->values.notes()}) {
    for (const std::string& message : *messages) {
      std::fprintf(stderr, "%s\n", message.c_str());
    }
  }
  std::fputs(cdc::PrintConfig(loaded->values).c_str(), stdout);
  return EXIT_SUCCESS;
}

void LogLines(spdlog::level::level_enum level, const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    spdlog::log(level, "{}", line);
  }
}

int Serve(const Arguments& arguments) {
  // Before the first thread is started: all threads inherit the mask, and only sigwait gets them.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A client that closes its connection must not end the process.
  std::signal(SIGPIPE, SIG_IGN);

  // As soon as possible; the configuration may ask for more.
  if (const cdc::Status log = cdc::SetUpLog({}); !log.ok()) {
    std::fprintf(stderr, "milvus-cdc: %s\n", log.message().c_str());
    return kExitCannotRun;
  }
  const cdc::Result<cdc::LoadedConfig> loaded = Load(arguments);
  if (!loaded.ok()) {
    LogLines(spdlog::level::critical, loaded.status().message());
    return kExitCannotRun;
  }
  if (const cdc::Status log = cdc::SetUpLog(loaded->config.log); !log.ok()) {
    spdlog::critical("{}", log.message());
    return kExitCannotRun;
  }
  for (const std::string& unknown : arguments.unknown) {
    spdlog::warn("argument {} is ignored", unknown);
  }
  for (const std::string& warning : loaded->values.warnings()) {
    spdlog::warn("{}", warning);
  }
  for (const std::string& note : loaded->values.notes()) {
    spdlog::info("{}", note);
  }
  if (!cdc::SetLogLevel(loaded->config.log_level)) {
    spdlog::warn("unknown logLevel {}, info is used", loaded->config.log_level);
  }
  if (const cdc::TestingConfig& testing = loaded->config.testing; !testing.kill_at.empty()) {
    cdc::ArmFaultPoint(testing.kill_at, testing.kill_at_pass);
  }
  const std::string address = loaded->config.address;
  StopRequest stop;
  std::atomic<bool> store_lost{false};
  cdc::Result<std::unique_ptr<cdc::Server>> server =
      cdc::StartServer({.config = loaded->config,
                        .version = CDC_VERSION,
                        .max_connections = cdc::ConnectionsFor(cdc::RaiseOpenFileLimit()),
                        .open_source = cdc::OpenMilvusSource,
                        .check_target = cdc::CheckMilvusTarget,
                        .on_store_lost =
                            [&](const cdc::Status& lost) {
                              spdlog::critical("{}, stopping", lost.message());
                              store_lost = true;
                              stop.Make();
                            }},
                       stop.token());
  if (server.status().code() == cdc::StatusCode::kCancelled) {
    spdlog::info("stopped");
    return EXIT_SUCCESS;
  }
  if (!server.ok()) {
    spdlog::critical("{}", server.status().message());
    return kExitCannotRun;
  }
  spdlog::info("milvus-cdc {} listens on {}", CDC_VERSION, address);
  const cdc::HttpConfig& http = loaded->config.http;
  if (!http.tls.cert_path.empty()) {
    spdlog::info("it speaks TLS, certPath={}", http.tls.cert_path);
  }
  if (http.tokens.empty() && http.tls.client_ca_path.empty()) {
    spdlog::info(
        "neither http.token nor http.tls.clientCAPath is set: whoever reaches this address may "
        "change tasks");
  }
  spdlog::info("signal {}, stopping", stop.Await());
  // An error, so that whoever supervises it starts it again, to stand by.
  const int exit_code = store_lost ? kExitCannotRun : EXIT_SUCCESS;
  StopInTime(server->get(), exit_code);
  server->reset();
  if (const cdc::Status ended = cdc::EndStorage(); !ended.ok()) {
    spdlog::warn("{}, leaving now", ended.message());
    spdlog::shutdown();
    std::_Exit(exit_code);
  }
  spdlog::info("stopped");
  return exit_code;
}

// Answers a shell that completes the command line. `app` has the commands of this file; the others
// know their own.
void PrintCompletions(const CLI::App& app, const std::vector<std::string>& words) {
  std::string lines;
  const auto command = std::find_if(words.begin(), words.end(), [](const std::string& word) {
    return word == "task" || word == "metastore";
  });
  // The last word is still being written.
  if (command == words.end() || command + 1 == words.end()) {
    lines = cdc::cli::Complete(app, words, [] { return std::vector<std::string>(); });
  } else if (*command == "task") {
    lines = cdc::cli::CompleteTaskCommand({command + 1, words.end()}, cdc::cli::ProcessConsole());
  } else {
    lines = cdc::CompleteMetaStoreCommand({command + 1, words.end()});
  }
  std::fputs(lines.c_str(), stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app{"Replicates every change of a Milvus to another Milvus", "milvus-cdc"};
  app.set_version_flag("--version", std::string("milvus-cdc ") + CDC_VERSION);
  const CLI::Option* const config =
      app.add_option("--config", arguments.config, "the configuration file")->capture_default_str();
  app.add_flag(
      "--check-config", arguments.check_config,
      "prints the configuration in effect, and where each value comes from; starts nothing");
  app.add_flag_callback(
      "--print-config-reference",
      [] {
        std::fputs(cdc::PrintConfigReference().c_str(), stdout);
        throw CLI::Success();
      },
      "prints a table of all keys of the configuration, in Markdown");
  app.add_subcommand("serve", "runs the server (the default)")
      ->alias("server")
      ->fallthrough()
      ->allow_extras();
  // The command itself parses everything after it, including --help.
  CLI::App* const task = app.add_subcommand(
      "task", "creates, shows and changes the tasks of a running server: milvus-cdc task --help");
  task->prefix_command()->set_help_flag();
  CLI::App* const metastore = app.add_subcommand(
      "metastore",
      "carries tasks and their progress to another store, checks it: milvus-cdc metastore --help");
  metastore->prefix_command()->set_help_flag();
  std::string shell;
  CLI::App* const completion = app.add_subcommand(
      "completion", "prints a script with which a shell completes commands and options");
  completion->add_option("shell", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app.allow_extras();
  // Before anything is parsed: the words are not meant for this call.
  if (argc > 1 && std::string_view(argv[1]) == cdc::cli::kCompleteCommand) {
    PrintCompletions(app, {argv + 2, argv + argc});
    return EXIT_SUCCESS;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == EXIT_SUCCESS ? EXIT_SUCCESS : kExitWrongUse;
  }
  if (completion->parsed()) {
    std::fputs(cdc::cli::CompletionScript(shell).c_str(), stdout);
    return EXIT_SUCCESS;
  }
  if (task->parsed()) {
    return cdc::cli::RunTaskCommand(task->remaining(), cdc::cli::ProcessConsole());
  }
  arguments.config_given = config->count() > 0;
  if (metastore->parsed()) {
    // Standard output is for the export.
    spdlog::set_default_logger(spdlog::stderr_logger_mt("cdc"));
    return cdc::RunMetaStoreCommand(metastore->remaining(),
                                    arguments.config_given ? arguments.config : "",
                                    cdc::ProcessEnvironment(), cdc::cli::ProcessConsole());
  }
  arguments.unknown = app.remaining(true);
  try {
    return arguments.check_config ? CheckConfig(arguments) : Serve(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "milvus-cdc: %s\n", error.what());
    return kExitCannotRun;
  }
}
