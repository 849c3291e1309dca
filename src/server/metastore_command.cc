#include "server/metastore_command.h"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <stop_token>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>

#include "base/file.h"
#include "base/thread.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "metastore/portable/store_content.h"
#include "server/config.h"
#include "server/metastore_look.h"
#include "server/open_meta_store.h"

namespace cdc {
namespace {

constexpr const char* kDefaultConfig = "./configs/cdc.yaml";
// A store in etcd is in use until the lease of a server that has died ends, after at most 9 s.
constexpr std::chrono::seconds kWaitForStore{12};
constexpr size_t kMaxImportBytes = size_t{4} << 30U;

using cli::ExitCode;

// A store that does not answer in time cannot be reached.
ExitCode ExitCodeOf(const Status& status) {
  return status.code() == StatusCode::kDeadlineExceeded ? ExitCode::kUnreachable
                                                        : cli::ExitCodeOf(status);
}

struct StoreCommand {
  std::string config{};
  std::string output{};  // empty: standard output
  std::string input{};
  bool replace = false;
  bool yes = false;
  bool all = false;
  // What is to be done.
  std::function<Result<ExitCode>(const StoreCommand&, const Config&, const cli::Console&)> run{};
};

Result<Config> ReadStoreConfig(const std::string& path, const Environment& environment) {
  std::error_code error;
  if (!path.empty() && !std::filesystem::exists(path, error)) {
    return InvalidArgumentError(path + ": there is no such file");
  }
  CDC_ASSIGN_OR_RETURN(const LoadedConfig loaded,
                       LoadConfig(path.empty() ? kDefaultConfig : path, environment));
  return loaded.config;
}

std::string NameOfStore(const MetaStoreConfig& store) {
  switch (store.type) {
    case MetaStoreConfig::Type::kSqlite: return "the file " + store.sqlite_path;
    case MetaStoreConfig::Type::kMysql:
      return "MySQL, database " + store.mysql.database + ", " + store.root_path;
    case MetaStoreConfig::Type::kEtcd: break;
  }
  return "etcd, below " + store.root_path;
}

// Opens the store, but does not stand by until a server that works ends.
Result<std::unique_ptr<MetaStore>> OpenUnusedStore(const Config& config, NewStore if_new) {
  std::stop_source waited;
  Thread limit("cdc-store-wait", [&waited](const std::stop_token& opened) {
    if (Pause(kWaitForStore, opened)) {
      waited.request_stop();
    }
  });
  // Losing it later fails every write.
  Result<std::unique_ptr<MetaStore>> store =
      OpenMetaStore(config, [](const Status&) {}, waited.get_token(), if_new);
  limit.RequestStop();
  limit.Join();
  if (store.status().code() == StatusCode::kCancelled) {
    return FailedPreconditionError("metastore " + NameOfStore(config.meta_store) +
                                   " is in use by a server: stop it and those that stand by");
  }
  return store;
}

Result<ExitCode> Export(const StoreCommand& command,
                        const Config& config,
                        const cli::Console& console) {
  const MetaStoreConfig& place = config.meta_store;
  std::error_code error;
  if (place.type == MetaStoreConfig::Type::kSqlite &&
      !std::filesystem::exists(place.sqlite_path, error)) {
    return NotFoundError("there is no metastore file " + place.sqlite_path +
                         ": check metaStoreConfig, and the folder this is called in");
  }
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<MetaStore> store,
                       OpenUnusedStore(config, NewStore::kRefuse));
  CDC_ASSIGN_OR_RETURN(const StoreContent content, StoreContent::Read(store.get()));
  // What has been read is of one moment only if nobody else has written meanwhile.
  CDC_RETURN_IF_ERROR(store->CheckOwned());
  if (command.output.empty()) {
    *console.out << content.Text() << std::flush;
    if (!*console.out) {
      return InternalError("cannot write to standard output");
    }
  } else if (const Status written = WritePrivateFile(command.output, content.Text());
             !written.ok()) {
    return InternalError(written.message());  // the store has answered
  }
  *console.err << "exported " << Describe(content.counts()) << ", with passwords in clear\n";
  return ExitCode::kOk;
}

Result<ExitCode> Import(const StoreCommand& command,
                        const Config& config,
                        const cli::Console& console) {
  CDC_ASSIGN_OR_RETURN(const std::string text, ReadFile(command.input, kMaxImportBytes));
  // Before the store is touched.
  const Result<StoreContent> content = StoreContent::Parse(text);
  if (!content.ok()) {
    return InvalidArgumentError(command.input + ": " + content.status().message());
  }
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<MetaStore> store,
                       OpenUnusedStore(config, NewStore::kEmpty));
  CDC_RETURN_IF_ERROR(ImportContent(*content, store.get(), command.replace));
  *console.err << "imported " << Describe(content->counts()) << " into "
               << NameOfStore(config.meta_store) << "\n";
  return ExitCode::kOk;
}

Result<ExitCode> Check(const StoreCommand& command,
                       const Config& config,
                       const cli::Console& console) {
  static_cast<void>(command);
  CDC_ASSIGN_OR_RETURN(const StoreCheck check, CheckConfiguredStore(config));
  *console.out << DescribeCheck(check) << std::flush;
  return check.damaged.empty() ? ExitCode::kOk : ExitCode::kDamaged;
}

// Whether what an earlier program has left may go.
Status MayForget(const StoreCheck& check, bool all) {
  if (!check.version) {
    return FailedPreconditionError("nothing in " + check.place +
                                   " is taken over yet: start a server there first");
  }
  // They may be all that is left of a task.
  if (!check.damaged.empty()) {
    return FailedPreconditionError(
        "something in " + check.place +
        " cannot be read, and the records of the earlier program may be the only others: "
        "`milvus-cdc metastore check` says what, mend that first");
  }
  if (!all && !check.legacy.not_here.empty()) {
    std::string tasks;
    for (const std::string& task : check.legacy.not_here) {
      tasks += " " + task;
    }
    return FailedPreconditionError(
        "tasks of the earlier program are not in this metastore, deleted since or never taken "
        "over; --all forgets these as well:" +
        tasks);
  }
  return OkStatus();
}

Status AskWhetherToForget(const StoreCheck& check, const cli::Console& console) {
  const std::string what = std::to_string(check.legacy.tasks.size()) + " tasks and " +
                           std::to_string(check.legacy.positions.size()) + " positions in " +
                           check.place;
  if (console.in == nullptr) {
    return InvalidArgumentError("this removes what the earlier program has stored, " + what +
                                ": --yes says that it may");
  }
  *console.err << "This removes what the earlier program has stored, " << what
               << ". It cannot be started there again. Type yes: " << std::flush;
  std::string answer;
  std::getline(*console.in, answer);
  return answer == "yes" ? OkStatus() : FailedPreconditionError("nothing was removed");
}

Result<ExitCode> ForgetLegacy(const StoreCommand& command,
                              const Config& config,
                              const cli::Console& console) {
  CDC_ASSIGN_OR_RETURN(const StoreCheck before, CheckConfiguredStore(config));
  if (before.legacy.empty()) {
    *console.err << "there are no records of an earlier program in " << before.place << "\n";
    return ExitCode::kOk;
  }
  CDC_RETURN_IF_ERROR(MayForget(before, command.all));
  CDC_RETURN_IF_ERROR(command.yes ? OkStatus() : AskWhetherToForget(before, console));
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<MetaStore> store,
                       OpenUnusedStore(config, NewStore::kRefuse));
  // A server may have deleted tasks while somebody thought about the question. What may be removed
  // is what the question was about.
  CDC_ASSIGN_OR_RETURN(const StoreCheck check, CheckConfiguredStore(config));
  CDC_RETURN_IF_ERROR(MayForget(check, command.all));
  CDC_RETURN_IF_ERROR(store->CheckOwned());
  CDC_ASSIGN_OR_RETURN(const size_t records, RemoveLegacyRecords(config, before.legacy));
  *console.err << "removed " << records << " records of the earlier program from " << check.place
               << "\n";
  return ExitCode::kOk;
}

Result<ExitCode> Run(const StoreCommand& command,
                     const Environment& environment,
                     const cli::Console& console) {
  CDC_ASSIGN_OR_RETURN(const Config config, ReadStoreConfig(command.config, environment));
  return command.run(command, config, console);
}

void AddCommands(CLI::App* app, StoreCommand* command) {
  app->add_option("--config", command->config, "the configuration file of the server");
  app->require_subcommand(1);
  const auto add = [app, command](const char* name, const char* description, auto run) {
    CLI::App* const added = app->add_subcommand(name, description);
    added->fallthrough()->callback([command, run] { command->run = run; });
    return added;
  };
  add("export", "writes all that the configured store holds as JSON lines", Export)
      ->add_option("--output", command->output,
                   "a file, which only its owner may read; without it, standard output");
  CLI::App* const importing =
      add("import", "puts what export has written into the configured store", Import);
  importing->add_option("file", command->input, "the export")->required();
  importing->add_flag("--replace", command->replace, "removes what the store holds first");
  add("check",
      "reads everything in the configured store, also while a server uses it, and tells "
      "what cannot be read; changes nothing",
      Check);
  CLI::App* const forgetting =
      add("forget-legacy",
          "removes what an earlier program has left in the configured store, once it is taken over",
          ForgetLegacy);
  forgetting->add_flag("--yes", command->yes, "does not ask");
  forgetting->add_flag("--all", command->all,
                       "also the records of tasks that this store does not have");
}

}  // namespace

std::string CompleteMetaStoreCommand(const std::vector<std::string>& words) {
  StoreCommand command;
  CLI::App app;
  AddCommands(&app, &command);
  return cli::Complete(app, words, [] { return std::vector<std::string>(); });
}

int RunMetaStoreCommand(const std::vector<std::string>& arguments,
                        const std::string& config,
                        const Environment& environment,
                        const cli::Console& console) {
  // Whoever reads the output may close it; then the store must be given up in order.
  std::signal(SIGPIPE, SIG_IGN);
  StoreCommand command{.config = config};
  CLI::App app{
      "Carries tasks and their progress from one metastore to another, and looks at what is "
      "stored. No server may be using the store, except for check.",
      "milvus-cdc metastore"};
  AddCommands(&app, &command);
  try {
    // The library takes them from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, *console.out, *console.err);
    return static_cast<int>(code == 0 ? ExitCode::kOk : ExitCode::kUsage);
  }
  Result<ExitCode> done = ExitCode::kOk;
  try {
    done = Run(command, environment, console);
  } catch (const std::exception& error) {
    done = InternalError(error.what());
  }
  if (!done.ok()) {
    *console.err << "milvus-cdc: " << done.status().message() << "\n";
    return static_cast<int>(ExitCodeOf(done.status()));
  }
  return static_cast<int>(*done);
}

}  // namespace cdc
