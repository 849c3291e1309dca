#include "server/metastore_command.h"

#include <chrono>
#include <csignal>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <memory>
#include <ostream>
#include <stop_token>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>

#include "base/file.h"
#include "base/thread.h"
#include "metastore/portable/store_content.h"
#include "server/config.h"
#include "server/open_meta_store.h"

namespace cdc {
namespace {

constexpr int kDone = 0;
constexpr int kCannot = 1;
constexpr int kWrongUse = 2;
constexpr const char* kDefaultConfig = "./configs/cdc.yaml";
// A store in etcd is in use until the lease of a server that has died ends, after at most 9 s.
constexpr std::chrono::seconds kWaitForStore{12};
constexpr size_t kMaxImportBytes = size_t{4} << 30U;

struct StoreCommand {
  std::string config{};
  bool exporting = false;
  std::string output{};  // empty: standard output
  std::string input{};
  bool replace = false;
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

Status Export(const StoreCommand& command, const Config& config, const cli::Console& console) {
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
      return UnavailableError("cannot write to standard output");
    }
  } else {
    CDC_RETURN_IF_ERROR(WritePrivateFile(command.output, content.Text()));
  }
  *console.err << "exported " << Describe(content.counts()) << ", with passwords in clear\n";
  return OkStatus();
}

Status Import(const StoreCommand& command, const Config& config, const cli::Console& console) {
  CDC_ASSIGN_OR_RETURN(const std::string text, ReadFile(command.input, kMaxImportBytes));
  // Before the store is touched.
  const Result<StoreContent> content = StoreContent::Parse(text);
  CDC_RETURN_IF_ERROR(content.status().WithContext(command.input));
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<MetaStore> store,
                       OpenUnusedStore(config, NewStore::kEmpty));
  CDC_RETURN_IF_ERROR(ImportContent(*content, store.get(), command.replace));
  *console.err << "imported " << Describe(content->counts()) << " into "
               << NameOfStore(config.meta_store) << "\n";
  return OkStatus();
}

Status Run(const StoreCommand& command,
           const Environment& environment,
           const cli::Console& console) {
  CDC_ASSIGN_OR_RETURN(const Config config, ReadStoreConfig(command.config, environment));
  return command.exporting ? Export(command, config, console) : Import(command, config, console);
}

}  // namespace

int RunMetaStoreCommand(const std::vector<std::string>& arguments,
                        const std::string& config,
                        const Environment& environment,
                        const cli::Console& console) {
  // Whoever reads the output may close it; then the store must be given up in order.
  std::signal(SIGPIPE, SIG_IGN);
  StoreCommand command{.config = config};
  CLI::App app{
      "Carries all tasks and their progress from one metastore to another. No server may "
      "be using the store.",
      "milvus-cdc metastore"};
  app.add_option("--config", command.config, "the configuration file of the server");
  app.require_subcommand(1);
  CLI::App* const exporting =
      app.add_subcommand("export", "writes all that the configured store holds as JSON lines");
  exporting->fallthrough()->add_option("--output", command.output,
                                       "a file, which only its owner may read; without it, "
                                       "standard output");
  CLI::App* const importing =
      app.add_subcommand("import", "puts what export has written into the configured store");
  importing->fallthrough()->add_option("file", command.input, "the export")->required();
  importing->add_flag("--replace", command.replace, "removes what the store holds first");
  try {
    // The library takes them from the back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, *console.out, *console.err) == kDone ? kDone : kWrongUse;
  }
  command.exporting = exporting->parsed();
  Status done;
  try {
    done = Run(command, environment, console);
  } catch (const std::exception& error) {
    done = InternalError(error.what());
  }
  if (!done.ok()) {
    *console.err << "milvus-cdc: " << done.message() << "\n";
    return kCannot;
  }
  return kDone;
}

}  // namespace cdc
