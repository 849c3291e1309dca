// Bodies of the HTTP API: requests as the server reads them, answers as the command line does.
//
// Input: one JSON text, given to both.
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include "api/api.h"
#include "api/request_reader.h"
#include "base/testing/fake_clock.h"
#include "cli/view/task_info.h"
#include "control/testing/fake_replicator.h"
#include "fuzz.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using Json = nlohmann::json;

// Credentials of an input begin so; they must not come back.
constexpr std::string_view kSecret = "s3cr3t-";

size_t Count(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) {
    ++count;
  }
  return count;
}

// How many secrets stand where secrets belong.
size_t CountCredentials(const Json& body) {
  size_t count = 0;
  const Json* at = &body;
  for (const char* key : {"request_data", "milvus_connect_param"}) {
    at = FindMember(*at, key);
    if (at == nullptr) {
      return 0;
    }
  }
  for (const char* key : {"token", "password", "username"}) {
    const Json* value = FindMember(*at, key);
    if (value != nullptr && value->is_string()) {
      count += Count(value->get_ref<const std::string&>(), kSecret);
    }
  }
  return count;
}

// A server without a source and targets; an input finds it empty.
class Server {
 public:
  Server() {
    spdlog::set_default_logger(spdlog::null_logger_mt("fuzz"));
    FUZZ_EXPECT(tasks_.Start().ok(), "start");
  }

  std::string Ask(std::string_view body) {
    std::string text = api_.Handle(body).body;
    const Json answer = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    FUZZ_EXPECT(answer.is_object() && answer.contains("code"), text);
    FUZZ_EXPECT(answer.value("message", "") != "internal error", "an exception");
    return text;
  }

  // Shows all tasks and removes them; returns what was shown.
  std::string Empty() {
    std::string shown = Ask(R"({"request_type":"list"})");
    shown += Ask(R"({"request_type":"position","request_data":{"task_id":""}})");
    shown += metrics_.Scrape();
    for (const TaskView& view : tasks_.List()) {
      FUZZ_EXPECT(tasks_.Delete(view.record.spec.id, false).ok(), view.record.spec.id);
    }
    return shown;
  }

 private:
  FakeClock clock_;
  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  TaskManager tasks_{
      {.store = &store_, .replicator = &replicator_, .threads = 1, .clock = &clock_}};
  Metrics metrics_{{.version = "1"}, [this] { return tasks_.List(); }, &clock_};
  Api api_{&tasks_, &metrics_, {.replicate_channel = "by-dev-replicate-msg"}, &clock_};
};

void RunServer(std::string_view body) {
  static auto* const server = new Server();
  const std::string shown = server->Ask(body) + server->Empty();
  const Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const size_t secrets = CountCredentials(json);
  // A secret that stands elsewhere too is no secret.
  if (secrets > 0 && Count(body, kSecret) == secrets) {
    FUZZ_EXPECT(Count(shown, kSecret) == 0, shown);
  }
}

void CheckPrintable(const std::string& text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    FUZZ_EXPECT(byte >= 0x20 && byte != 0x7f, text);
  }
}

void RunCommandLine(std::string_view body) {
  using OrderedJson = nlohmann::ordered_json;
  const OrderedJson json = OrderedJson::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return;
  }
  const auto data = json.find("data");
  const OrderedJson& answer = data == json.end() ? json : *data;
  std::vector<cli::TaskInfo> tasks = cli::ReadTasks(answer);
  tasks.push_back(cli::ReadTask(answer));
  for (const cli::TaskInfo& task : tasks) {
    for (const std::string& text :
         {task.id, task.state, task.condition, task.reason, task.target, task.sink_mode}) {
      CheckPrintable(text);
    }
    for (const std::vector<std::string>& texts : {task.scope, task.excluded, task.covers}) {
      for (const std::string& text : texts) {
        CheckPrintable(text);
      }
    }
    static_cast<void>(cli::IsCaughtUp(task, 1000));
    static_cast<void>(task.rows.Total());
  }
}

}  // namespace
}  // namespace cdc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  cdc::RunServer(body);
  cdc::RunCommandLine(body);
  return 0;
}
