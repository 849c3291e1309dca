#include "cli/testing/fake_api_server.h"

#include <map>
#include <utility>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "base/thread.h"

namespace cdc::cli {

class FakeApiServer::Impl {
 public:
  Impl() {
    server_.Post("/cdc", [this](const httplib::Request& request, httplib::Response& response) {
      Answer(request, response);
    });
    server_.Patch("/api/v1/tasks/(.+)",
                  [this](const httplib::Request& request, httplib::Response& response) {
                    Reply("patch", request.matches[1].str() + " " + request.body, response);
                  });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = Thread("fake-api", [this](const std::stop_token&) { server_.listen_after_bind(); });
    while (!server_.is_running()) {
      std::this_thread::yield();
    }
  }
  ~Impl() { Stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void Answer(const httplib::Request& request, httplib::Response& response) {
    const auto json = nlohmann::json::parse(request.body);
    const auto type = json.at("request_type").get<std::string>();
    {
      MutexLock lock(mutex_);
      authorization_ = request.get_header_value("Authorization");
    }
    Reply(type, json.at("request_data").dump(), response);
  }

  void Reply(const std::string& type, const std::string& request, httplib::Response& response) {
    MutexLock lock(mutex_);
    requests_[type].push_back(request);
    std::string body = answers_[type];
    if (!queued_[type].empty()) {
      body = queued_[type].front();
      queued_[type].pop_front();
    }
    if (body == kHeld) {
      released_.Wait(lock, stop_.get_token(), [] { return false; });
    }
    response.status = statuses_.contains(type) ? statuses_[type] : 200;
    response.set_content(body, "application/json");
  }

  void Stop() {
    stop_.request_stop();
    server_.stop();
    thread_.Join();
  }

  static constexpr const char* kHeld = "held";
  mutable Mutex mutex_;
  std::map<std::string, std::string> answers_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, int> statuses_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, std::deque<std::string>> queued_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<std::string>> requests_ CDC_GUARDED_BY(mutex_);
  std::string authorization_ CDC_GUARDED_BY(mutex_);
  CondVar released_;
  std::stop_source stop_;
  httplib::Server server_;
  int port_ = 0;
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

FakeApiServer::FakeApiServer() : impl_(std::make_unique<Impl>()) {}
FakeApiServer::~FakeApiServer() = default;

std::string FakeApiServer::url() const {
  return "http://127.0.0.1:" + std::to_string(impl_->port_);
}

void FakeApiServer::SetAnswer(const std::string& type, const std::string& body, int http_status) {
  MutexLock lock(impl_->mutex_);
  impl_->answers_[type] = body;
  impl_->statuses_[type] = http_status;
}

void FakeApiServer::PushAnswer(const std::string& type, const std::string& body) {
  MutexLock lock(impl_->mutex_);
  impl_->queued_[type].push_back(body);
}

void FakeApiServer::Hold(const std::string& type) { SetAnswer(type, Impl::kHeld); }

std::vector<std::string> FakeApiServer::Requests(const std::string& type) const {
  MutexLock lock(impl_->mutex_);
  const auto found = impl_->requests_.find(type);
  return found == impl_->requests_.end() ? std::vector<std::string>() : found->second;
}

std::string FakeApiServer::Authorization() const {
  MutexLock lock(impl_->mutex_);
  return impl_->authorization_;
}

void FakeApiServer::Stop() { impl_->Stop(); }

std::string ListAnswer(const std::vector<std::string>& tasks) {
  std::string list;
  for (const std::string& task : tasks) {
    list += (list.empty() ? "" : ",") + task;
  }
  return R"({"code":200,"data":{"tasks":[)" + list + "]}}\n";
}

std::string TaskJson(const FakeTask& task) {
  nlohmann::ordered_json json = {
      {"collection_infos", nullptr},
      {"db_collections", {{"*", {{{"name", "*"}}}}}},
      {"milvus_connect_param", {{"uri", "http://target:19530"}, {"host", ""}, {"port", 0}}},
      {"state", task.state},
      {"task_id", task.id},
      {"condition", {{"state", task.condition}, {"reason", task.reason}, {"since", nullptr}}},
      {"lag_ms", nlohmann::json::parse(task.lag_ms)},
      {"source_lag_ms", 80},
      {"checkpoint", nlohmann::json::array()},
      {"covers", {"default.a", "default.b"}},
      {"rows", {{"inserted", task.inserted}, {"upserted", 2}, {"deleted", 3}}},
      {"bytes_written", task.inserted * 1000},
      {"bytes_waiting", 2048}};
  if (task.has_channel) {
    json["checkpoint"].push_back({{"channel", "by-dev-rootcoord-dml_0"},
                                  {"ts", 450541344162316901ULL},
                                  {"time_ms", 1714979289007},
                                  {"msg_id", "CgAS"}});
  }
  return json.dump();
}

}  // namespace cdc::cli
