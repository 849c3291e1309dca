#include "cli/task_cli.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <iterator>
#include <ostream>
#include <utility>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/api_client.h"
#include "cli/cli_config.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/create_options.h"
#include "cli/drain.h"
#include "cli/events.h"
#include "cli/exit_code.h"
#include "cli/interruption.h"
#include "cli/plan.h"
#include "cli/tls_files.h"
#include "cli/view/format.h"
#include "cli/view/task_info.h"
#include "cli/watch.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDefaultServer = "http://127.0.0.1:8444";
constexpr std::chrono::seconds kCompletionLimit{1};
constexpr const char* kServerVariable = "MILVUS_CDC_SERVER";
constexpr const char* kServerTokenVariable = "MILVUS_CDC_SERVER_TOKEN";
constexpr const char* kTokenVariable = "MILVUS_CDC_TARGET_TOKEN";

// All arguments, filled in by the parser.
struct Arguments {
  std::string server;
  std::string server_token_file;
  TlsFiles tls;
  std::string output;
  CreateOptions create;
  std::string token_file;
  std::string request_file;
  std::string id;
  ChangeOptions change;
  CollectionOptions collections;
  WatchOptions watch;
  DrainOptions drain;
  EventsOptions events;
  double timeout_seconds = 600;
  double interval_seconds = 1;
  int64_t until_caught_up_ms = 0;
};

// The command to run.
using Command = std::function<ExitCode(const CommandContext&)>;

// Options common to all commands; they may also precede the command.
void AddCommonOptions(CLI::App* app, Arguments* arguments) {
  app->add_option(
      "--server", arguments->server,
      std::string("the milvus-cdc server [") + kDefaultServer + "] (env " + kServerVariable + ")");
  app->add_option("--server-token-file", arguments->server_token_file,
                  std::string("a file that holds the server's own token, http.token in its "
                              "configuration (env ") +
                      kServerTokenVariable + ": the token)");
  AddTlsOptions(app, &arguments->tls);
  app->add_option("-o,--output", arguments->output,
                  "table for people, json or yaml for the server's data [table]")
      ->check(CLI::IsMember(
          std::vector<std::string>(std::begin(kOutputNames), std::end(kOutputNames))));
}

CLI::App* AddCommand(CLI::App* app,
                     const std::string& name,
                     const std::string& description,
                     Arguments* arguments) {
  CLI::App* command = app->add_subcommand(name, description);
  AddCommonOptions(command, arguments);
  return command;
}

// Reads the files and environment variables that the arguments refer to.
Result<Json> CreateRequestOf(const Arguments& arguments, const Console& console) {
  CreateOptions options = arguments.create;
  std::optional<Json> base;
  if (!arguments.request_file.empty()) {
    CDC_ASSIGN_OR_RETURN(base, ReadRequestFile(arguments.request_file));
  } else if (options.target_uri.empty()) {
    return InvalidArgumentError("--target-uri is required (or --file with a whole request)");
  }
  if (!arguments.token_file.empty()) {
    CDC_ASSIGN_OR_RETURN(options.token, ReadTokenFile(arguments.token_file));
  } else if (options.token.empty() && !base) {
    options.token = console.environment(kTokenVariable).value_or("");
  }
  return BuildCreateRequest(options, std::move(base));
}

// What is done with a create request.
using UseRequest = ExitCode (*)(const CommandContext&, const Json&);

// Also of `plan`, which takes the same options.
void AddCreate(CLI::App* app,
               const std::string& name,
               const std::string& description,
               UseRequest use,
               Arguments* arguments,
               Command* command) {
  CLI::App* create = AddCommand(app, name, description, arguments);
  CreateOptions& options = arguments->create;
  create->add_option("--target-uri", options.target_uri, "the target: http(s)://host:port");
  CLI::Option* token = create->add_option(
      "--token", options.token,
      "user:password or an API key of the target; other users of this machine can see it in the "
      "process list, unlike --token-file and the variable " +
          std::string(kTokenVariable));
  create->add_option("--token-file", arguments->token_file, "a file that holds the token")
      ->excludes(token);
  create
      ->add_option(
          "--collection", options.collections,
          "a collection, name or db.name, with the globs * and ?; may be repeated. Neither this "
          "nor --database: everything")
      ->expected(1)
      ->take_all();
  create
      ->add_option("--database", options.databases,
                   "all collections of a database, with the globs * and ?; may be repeated")
      ->expected(1)
      ->take_all();
  create
      ->add_option("--exclude", options.exclude,
                   "a collection that is left out, name or db.name, with the globs * and ?; may be "
                   "repeated")
      ->expected(1)
      ->take_all();
  create
      ->add_option("--start-from", options.start_from,
                   "where to begin in collections that exist: latest leaves out the rows they "
                   "have, earliest takes all that the queue still holds, snapshot copies what the "
                   "source has stored and goes on with the queue [latest]")
      ->check(CLI::IsMember({"latest", "earliest", "snapshot"}));
  create->add_option("--stop-at", options.stop_at,
                     "replicates no row after this time of the source, then pauses: RFC 3339, "
                     "milliseconds since 1970, or a timestamp of Milvus");
  create
      ->add_option("--snapshot-from", options.snapshot_from,
                   "from where stored rows are copied: the files in the source's storage, or by "
                   "query, which needs the collections loaded [storage]")
      ->check(CLI::IsMember({"storage", "query"}));
  create
      ->add_option("--snapshot-index", options.snapshot_index,
                   "whether indexes are created before or after stored rows are copied [after]")
      ->check(CLI::IsMember({"before", "after"}));
  create
      ->add_option(
          "--snapshot-log", options.snapshot_log,
          "what the log of a collection does while its stored rows are copied: it waits on "
          "the queue, is applied meanwhile, or is applied only if the queue is not "
          "expected to hold it for that long [auto]")
      ->check(CLI::IsMember({"auto", "wait", "apply"}));
  create
      ->add_option("--on-expired", options.on_expired,
                   "when the queue no longer holds the task's position: stop pauses the task, "
                   "snapshot copies the stored rows of the collections concerned again [stop]")
      ->check(CLI::IsMember({"stop", "snapshot"}));
  create
      ->add_option("--on-collection-error", options.on_collection_error,
                   "when a collection cannot be replicated any further: set_aside leaves it where "
                   "it is and goes on with the others, pause pauses the task [set_aside]")
      ->check(CLI::IsMember({"set_aside", "pause"}));
  create
      ->add_option("--on-undecodable", options.on_undecodable,
                   "at a record of the source that cannot be decoded: stop pauses the task, skip "
                   "leaves the record out and counts it [stop]")
      ->check(CLI::IsMember({"stop", "skip"}));
  create
      ->add_option(
          "--sink-mode", options.sink_mode,
          "how rows are written: api by inserts and deletes, replicate as messages for the "
          "queues of a standby (common.ttMsgEnabled: false); auto asks the target [auto]")
      ->check(CLI::IsMember({"auto", "api", "replicate"}));
  create->add_option("--id", options.id, "the id [generated]");
  create
      ->add_option("--connect-timeout", options.connect_timeout_seconds,
                   "seconds to wait for the target [5]")
      ->check(CLI::Range(1, 3600));
  create->add_flag("--disable-auto-start", options.disable_auto_start,
                   "pauses the task when the server is restarted");
  create
      ->add_option("--map", options.maps,
                   "another name on the target: db1=db2 for a whole database, db1.a=db2.b for a "
                   "collection; may be repeated")
      ->expected(1)
      ->take_all();
  create->add_flag("--no-sync-index", options.no_sync_index,
                   "leaves the indexes of the target alone");
  create->add_flag("--no-sync-load", options.no_sync_load,
                   "leaves to the target what is loaded there");
  create->add_flag("--enable-user-role", options.enable_user_role,
                   "replicates users, roles and privileges, too");
  create->add_flag("--dry-run", options.dry_run,
                   "reads and plans, but writes nothing to the target and saves no position");
  create->add_option("--file", arguments->request_file,
                     "a JSON file with the request; other options take precedence over it");
  create->callback([arguments, command, use] {
    *command = [arguments, use](const CommandContext& context) {
      const Result<Json> request = CreateRequestOf(*arguments, context.console);
      return request.ok() ? use(context, *request) : Report(context.console, request.status());
    };
  });
}

void AddShow(CLI::App* app, Arguments* arguments, Command* command) {
  AddCommand(app, "list", "lists all tasks", arguments)->callback([command] {
    *command = [](const CommandContext& context) { return ListTasks(context); };
  });
  CLI::App* get = AddCommand(app, "get", "shows all that is known of a task", arguments);
  get->add_option("id", arguments->id, "its id, or the beginning of it")->required();
  get->callback([arguments, command] {
    *command = [arguments](const CommandContext& context) {
      return GetTask(context, arguments->id);
    };
  });
}

void AddChange(CLI::App* app,
               const std::string& operation,
               const std::string& description,
               Arguments* arguments,
               Command* command) {
  CLI::App* change = AddCommand(app, operation, description, arguments);
  change->add_option("ids", arguments->change.ids, "ids, or beginnings of ids")->required();
  if (operation == "delete") {
    change->add_flag("--ignore-not-found", arguments->change.ignore_not_found,
                     "an id that names no task is not an error");
  }
  if (operation == "resume") {
    change
        ->add_option("--on-undecodable", arguments->change.on_undecodable,
                     "from now on stop at a record that cannot be decoded, or skip it")
        ->check(CLI::IsMember({"stop", "skip"}));
    change->add_option("--stop-at", arguments->change.stop_at,
                       "another time to stop at; 0: goes on without an end");
    CLI::Option* positions = change->add_option(
        "--positions", arguments->change.positions_file,
        "a JSON file with the places from which collections of one task are read from now on: "
        "{\"db.collection\": {\"vchannel\": \"base64\"}}");
    change
        ->add_flag("--force", arguments->change.force,
                   "the positions may bring rows again, or leave rows out")
        ->needs(positions);
  }
  change->callback([arguments, command, operation] {
    arguments->change.operation = operation;
    *command = [arguments](const CommandContext& context) {
      return ChangeTasks(context, arguments->change);
    };
  });
}

void AddUpdate(CLI::App* app, Arguments* arguments, Command* command) {
  CLI::App* update = AddCommand(app, "update",
                                "changes what was asked for in the create of a task: its target at "
                                "any time, what it covers while it is paused",
                                arguments);
  update->add_option("id", arguments->id, "its id, or the beginning of it")->required();
  update
      ->add_option("--file", arguments->request_file,
                   "a JSON file with what is to be different, as in a request to create the task; "
                   "null brings back a default")
      ->required();
  update->callback([arguments, command] {
    *command = [arguments](const CommandContext& context) {
      const Result<Json> patch = ReadRequestFile(arguments->request_file);
      return patch.ok() ? UpdateTask(context, arguments->id, *patch)
                        : Report(context.console, patch.status());
    };
  });
}

CLI::App* AddCollections(CLI::App* app,
                         const std::string& name,
                         const std::string& request,
                         const std::string& description,
                         Arguments* arguments,
                         Command* command) {
  CLI::App* change = AddCommand(app, name, description, arguments);
  CollectionOptions& options = arguments->collections;
  change->add_option("id", options.id, "its id, or the beginning of it")->required();
  change->add_option("--collection", options.collections, "name or db.name; may be repeated")
      ->expected(1)
      ->take_all()
      ->required(request != "retry");
  change->callback([arguments, command, request] {
    arguments->collections.request = request;
    *command = [arguments](const CommandContext& context) {
      return ChangeCollections(context, arguments->collections);
    };
  });
  return change;
}

void AddCollectionCommands(CLI::App* app, Arguments* arguments, Command* command) {
  AddCollections(app, "retry", "retry",
                 "takes up collections that were set aside, all of them without --collection: from "
                 "where they were left, or by a copy if the queue no longer holds that",
                 arguments, command);
  AddCollections(app, "set-aside", "set_aside",
                 "leaves collections where they are until a retry; the others go on", arguments,
                 command);
  CLI::App* snapshot = AddCollections(
      app, "snapshot", "snapshot",
      "copies the stored rows of collections again, into what is there; the others go on",
      arguments, command);
  CollectionOptions& options = arguments->collections;
  CLI::Option* partition = snapshot
                               ->add_option("--partition", options.partitions,
                                            "only rows of this partition; may be repeated")
                               ->expected(1)
                               ->take_all();
  CLI::Option* filter = snapshot->add_option(
      "--filter", options.filter,
      "only rows for which this expression of Milvus holds, read by queries of the source; rows "
      "of the target are replaced, and none is removed");
  filter->check([](const std::string& text) {
    const bool blank = text.find_first_not_of(" \t\r\n") == std::string::npos;
    return std::string(blank ? "is blank: write an expression, or leave it out" : "");
  });
  snapshot
      ->add_flag("--cancel", options.cancel,
                 "ends such a copy; the collections go on from where they were")
      ->excludes(partition)
      ->excludes(filter);
}

void AddWatch(CLI::App* app, Arguments* arguments, Command* command) {
  CLI::App* watch = AddCommand(app, "watch", "shows rates, lag and condition live", arguments);
  watch->add_option("ids", arguments->watch.ids, "ids, or beginnings of ids [all tasks]");
  watch->add_flag("-v,--verbose", arguments->watch.verbose, "also the position of each channel");
  watch->add_option("--interval", arguments->interval_seconds, "seconds between looks [1]")
      ->check(CLI::Range(0.05, 86'400.0));
  CLI::Option* until =
      watch
          ->add_option("--until-caught-up", arguments->until_caught_up_ms,
                       "ends with 0 as soon as the lag is at most so many milliseconds")
          ->check(CLI::NonNegativeNumber);
  watch->callback([arguments, until, command] {
    arguments->watch.interval =
        std::chrono::milliseconds(static_cast<int64_t>(arguments->interval_seconds * 1000));
    if (until->count() > 0) {
      arguments->watch.until_caught_up_ms = arguments->until_caught_up_ms;
    }
    *command = [arguments](const CommandContext& context) {
      const Interruption interruption;
      return Watch(context, arguments->watch, interruption.token());
    };
  });
}

void AddDrain(CLI::App* app, Arguments* arguments, Command* command) {
  CLI::App* drain = AddCommand(app, "drain",
                               "for a switch-over: waits until the target has everything that the "
                               "source has now, then pauses the task",
                               arguments);
  drain->add_option("id", arguments->drain.id, "its id, or the beginning of it")->required();
  drain
      ->add_option("--timeout", arguments->timeout_seconds,
                   "seconds after which it gives up and leaves the task running [600]")
      ->check(CLI::Range(0.0, 86'400.0));
  drain->add_flag("--accept-waiting", arguments->drain.accept_waiting,
                  "what the target refuses beside the rows (condition `waiting`) is left so");
  drain->add_flag("-v,--verbose", arguments->drain.verbose,
                  "says on stderr what it waits for, as it does on a terminal");
  drain->callback([arguments, command] {
    arguments->drain.timeout =
        std::chrono::milliseconds(static_cast<int64_t>(arguments->timeout_seconds * 1000));
    *command = [arguments](const CommandContext& context) {
      const Interruption interruption;
      return Drain(context, arguments->drain, interruption.token());
    };
  });
}

void AddEvents(CLI::App* app, Arguments* arguments, Command* command) {
  CLI::App* events =
      AddCommand(app, "events", "shows what happened to a task, oldest first", arguments);
  events->add_option("id", arguments->events.id, "its id, or the beginning of it")->required();
  events->add_flag("-f,--follow", arguments->events.follow, "goes on as more happens");
  events->callback([arguments, command] {
    *command = [arguments](const CommandContext& context) {
      const Interruption interruption;
      return ShowEvents(context, arguments->events, interruption.token());
    };
  });
}

void AddCommands(CLI::App* app, Arguments* arguments, Command* command) {
  app->require_subcommand(1);
  std::string codes = "Exit codes:";
  for (const ExitCodeMeaning& each : ExitCodes()) {
    codes += "\n  " + std::to_string(static_cast<int>(each.code)) + "  " + each.meaning;
  }
  app->footer(codes);
  AddCommonOptions(app, arguments);
  AddCreate(app, "create", "creates and starts a task", CreateTask, arguments, command);
  AddCreate(app, "plan", "says what such a create would find and do, and changes nothing", PlanTask,
            arguments, command);
  AddShow(app, arguments, command);
  AddChange(app, "pause", "stops tasks; they go on where they were when resumed", arguments,
            command);
  AddChange(app, "resume", "starts paused tasks", arguments, command);
  AddChange(app, "delete", "deletes tasks; what the target holds stays", arguments, command);
  AddUpdate(app, arguments, command);
  AddCollectionCommands(app, arguments, command);
  AddWatch(app, arguments, command);
  AddDrain(app, arguments, command);
  AddEvents(app, arguments, command);
}

// Names the arguments that were not understood, without values: a mistyped --token precedes a
// secret.
std::string DescribeExtras(const std::vector<std::string>& extras) {
  std::string options;
  for (const std::string& extra : extras) {
    if (extra.rfind('-', 0) == 0) {
      options += " " + Printable(extra.substr(0, extra.find('=')));
    }
  }
  return options.empty() ? "there are too many arguments" : "unknown option:" + options;
}

ExitCode ReportUsage(const Console& console, const std::string& message) {
  *console.err << "milvus-cdc task: " << message << "\n"
               << "  hint: `milvus-cdc task --help`, `milvus-cdc task create --help`\n";
  return ExitCode::kUsage;
}

// The server to talk to, with its token.
Result<ServerAddress> AddressOf(const Arguments& arguments,
                                const CliConfig& config,
                                const Console& console) {
  std::string server = arguments.server;
  if (server.empty()) {
    server = console.environment(kServerVariable).value_or("");
  }
  // Its token is for its server, and no other one gets to see it.
  const bool configured = server.empty() || server == config.server;
  if (server.empty()) {
    server = config.server;
  }
  CDC_ASSIGN_OR_RETURN(ServerAddress address,
                       ParseServerAddress(server.empty() ? kDefaultServer : server));
  CDC_ASSIGN_OR_RETURN(address.tls, ReadTlsFiles(arguments.tls, config, address.base, console));
  if (!arguments.server_token_file.empty()) {
    CDC_ASSIGN_OR_RETURN(address.token, ReadTokenFile(arguments.server_token_file));
  } else {
    address.token = console.environment(kServerTokenVariable).value_or("");
  }
  if (address.token.empty() && configured) {
    address.token = config.token;
  }
  if (address.token.empty() && configured && !config.token_file.empty()) {
    CDC_ASSIGN_OR_RETURN(address.token, ReadTokenFile(config.token_file));
  }
  if (address.token.find_first_of(" \t\r\n") != std::string::npos) {
    return InvalidArgumentError("the server's token must not contain blanks or line breaks");
  }
  return address;
}

ExitCode Run(const Arguments& arguments, const Command& command, const Console& console) {
  const Result<CliConfig> config = ReadCliConfig(console);
  if (!config.ok()) {
    return Report(console, config.status());
  }
  Result<ServerAddress> address = AddressOf(arguments, *config, console);
  if (!address.ok()) {
    return Report(console, address.status());
  }
  const ApiClient client(*std::move(address));
  Output output = Output::kTable;
  // Both were checked when they were read.
  ReadOutput(arguments.output.empty() ? config->output : arguments.output, &output);
  const ExitCode code = command({.client = client, .console = console, .output = output});
  console.out->flush();
  return code;
}

ExitCode ParseAndRun(const std::vector<std::string>& arguments, const Console& console) {
  Arguments parsed;
  Command command;
  CLI::App app{"Creates, shows and changes the tasks of a running server", "milvus-cdc task"};
  AddCommands(&app, &parsed, &command);
  try {
    // The parser takes arguments from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ExtrasError&) {
    return ReportUsage(console, DescribeExtras(app.remaining(true)));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {  // --help
      app.exit(error, *console.out, *console.err);
      return ExitCode::kOk;
    }
    return ReportUsage(console, error.what());
  }
  return Run(parsed, command, console);
}

// What the line to be completed says of the server, whatever its command is.
Arguments ReadServerOptions(const std::vector<std::string>& words) {
  Arguments arguments;
  CLI::App app;
  app.allow_extras();
  AddCommonOptions(&app, &arguments);
  try {
    std::vector<std::string> from_the_back(words.rbegin(), words.rend());
    if (!from_the_back.empty()) {
      from_the_back.erase(from_the_back.begin());  // it is being written
    }
    app.parse(std::move(from_the_back));
  } catch (const CLI::ParseError&) {
    // The line is not finished either: what it says so far is used.
  }
  return arguments;
}

// None if the server cannot be asked: whoever presses a key wants no error.
std::vector<std::string> FindTaskIds(const Arguments& arguments, const Console& console) {
  std::vector<std::string> ids;
  const Result<CliConfig> config = ReadCliConfig(console);
  if (!config.ok()) {
    return ids;
  }
  Result<ServerAddress> address = AddressOf(arguments, *config, console);
  if (!address.ok()) {
    return ids;
  }
  const Result<Json> data =
      ApiClient(*std::move(address)).Call("list", Json::object(), kCompletionLimit);
  if (data.ok()) {
    for (const TaskInfo& task : ReadTasks(*data)) {
      ids.push_back(Printable(task.id));
    }
  }
  return ids;
}

}  // namespace

std::string CompleteTaskCommand(const std::vector<std::string>& words, const Console& console) {
  Arguments arguments;
  Command command;
  CLI::App app;
  AddCommands(&app, &arguments, &command);
  return Complete(app, words, [&] { return FindTaskIds(ReadServerOptions(words), console); });
}

int RunTaskCommand(const std::vector<std::string>& arguments, const Console& console) {
  // A closed connection or a reader that is gone then shows as an error of the write.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return static_cast<int>(ParseAndRun(arguments, console));
  } catch (const std::exception& error) {
    *console.err << "milvus-cdc: " << error.what() << "\n";
    return static_cast<int>(ExitCode::kRefused);
  }
}

}  // namespace cdc::cli
