#include "cli/task_cli.h"

#include <fstream>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "cli/testing/fake_api_server.h"

namespace cdc::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kDone = "{\"code\":200}\n";

class TaskCliTest : public ::testing::Test {
 protected:
  TaskCliTest() {
    server_.SetAnswer("list", ListAnswer({TaskJson({.id = "abc1"}), TaskJson({.id = "abc2"}),
                                          TaskJson({.id = "def"})}));
    server_.SetAnswer("create", R"({"code":200,"data":{"task_id":"t1"}})");
    for (const char* type : {"pause", "resume", "delete"}) {
      server_.SetAnswer(type, kDone);
    }
    environment_["MILVUS_CDC_SERVER"] = server_.url();
  }

  ~TaskCliTest() override { unlink(file_.c_str()); }

  int Run(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return RunTaskCommand(arguments,
                          {.out = &out_,
                           .err = &err_,
                           .terminal = [this] { return terminal_; },
                           .environment = [this](const char* name) -> std::optional<std::string> {
                             const auto found = environment_.find(name);
                             return found == environment_.end() ? std::nullopt
                                                                : std::optional(found->second);
                           }});
  }

  std::string Write(const std::string& text) {
    std::ofstream(file_) << text;
    return file_;
  }

  FakeApiServer server_;
  std::map<std::string, std::string> environment_;
  std::optional<TerminalSize> terminal_;
  std::ostringstream out_;
  std::ostringstream err_;
  const std::string file_ = ::testing::TempDir() + "task_cli_test." + std::to_string(getpid());
};

TEST_F(TaskCliTest, CreateGivesScriptsTheIdAlone) {
  EXPECT_EQ(Run({"create", "--target-uri", "http://h:1"}), 0);
  EXPECT_EQ(out_.str(), "t1\n");
  EXPECT_EQ(err_.str(), "the task covers everything: all collections of all databases\n");
  EXPECT_THAT(server_.Requests("create"),
              ElementsAre(R"({"db_collections":{"*":[{"name":"*"}]},)"
                          R"("milvus_connect_param":{"uri":"http://h:1"}})"));
}

TEST_F(TaskCliTest, CreateTellsAPersonWhatItDoes) {
  terminal_ = TerminalSize{};
  EXPECT_EQ(Run({"create", "--target-uri", "http://h:1", "--collection", "db.c"}), 0);
  EXPECT_THAT(out_.str(), AllOf(StartsWith("created task t1\n"), HasSubstr("http://h:1"),
                                HasSubstr("covers  db.c\n"), HasSubstr("task watch t1")));
  EXPECT_THAT(err_.str(), IsEmpty());
}

TEST_F(TaskCliTest, CreateSendsEverythingThatIsGiven) {
  EXPECT_EQ(Run({"create", "--target-uri", "http://h:1", "--collection", "db.c", "--database", "e",
                 "--collection", "default.x", "--start-from", "earliest", "--id", "mine",
                 "--connect-timeout", "7", "--disable-auto-start", "-o", "json"}),
            0);
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("task_id"), "t1");
  EXPECT_THAT(server_.Requests("create"),
              ElementsAre(R"({"db_collections":{"db":[{"name":"c"}],"default":[{"name":"x"}],)"
                          R"("e":[{"name":"*"}]},"disable_auto_start":true,)"
                          R"("milvus_connect_param":{"connect_timeout":7,"uri":"http://h:1"},)"
                          R"("start_from":"earliest","task_id":"mine"})"));
}

TEST_F(TaskCliTest, CreateSendsOtherNamesAndWhatIsLeftToTheTarget) {
  EXPECT_EQ(Run({"create", "--target-uri", "http://h:1", "--map", "d=e", "--map", "a.b=c.d",
                 "--no-sync-index", "--no-sync-load", "--dry-run"}),
            0);
  EXPECT_THAT(server_.Requests("create"),
              ElementsAre(R"({"db_collections":{"*":[{"name":"*"}]},"dry_run":true,)"
                          R"("milvus_connect_param":{"uri":"http://h:1"},)"
                          R"("name_mapping":[{"source_db":"d","target_db":"e"},)"
                          R"({"collection_mapping":{"b":"d"},"source_db":"a","target_db":"c"}],)"
                          R"("sync_index":false,"sync_load":false})"));
  for (const char* map : {"d", "d=", "=e", "d=e.f", "a.b=c", "a.=c.d", "a.b=c.d.e", "a=b=c"}) {
    EXPECT_EQ(Run({"create", "--target-uri", "http://h:1", "--map", map}), 2) << map;
  }
}

TEST_F(TaskCliTest, CreateAsksForUsersAndRolesBesideWhatTheFileAsksFor) {
  std::ofstream(file_) << R"({"milvus_connect_param":{"uri":"http://h:1"},)"
                       << R"("collection_infos":[{"name":"c"}],"extra_info":{"other":1}})";
  EXPECT_EQ(Run({"create", "--file", file_, "--enable-user-role"}), 0);
  EXPECT_EQ(Run({"create", "--target-uri", "http://h:1", "--enable-user-role"}), 0);
  EXPECT_THAT(server_.Requests("create"),
              ElementsAre(HasSubstr(R"("extra_info":{"enable_user_role":true,"other":1})"),
                          HasSubstr(R"("extra_info":{"enable_user_role":true})")));
  std::ofstream(file_) << R"({"milvus_connect_param":{"uri":"http://h:1"},"extra_info":[]})";
  EXPECT_EQ(Run({"create", "--file", file_, "--enable-user-role"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("extra_info of the file must be an object"));
}

TEST_F(TaskCliTest, CreateSendsGlobsAndWhatIsExcluded) {
  terminal_ = TerminalSize{};
  EXPECT_EQ(Run({"create", "--target-uri", "http://h:1", "--collection", "shop_*.orders_?",
                 "--exclude", "shop_eu.*", "--exclude", "orders_1"}),
            0);
  EXPECT_THAT(server_.Requests("create"),
              ElementsAre(R"({"db_collections":{"shop_*":[{"name":"orders_?"}]},)"
                          R"("exclude":["shop_eu.*","orders_1"],)"
                          R"("milvus_connect_param":{"uri":"http://h:1"}})"));
  EXPECT_THAT(out_.str(), HasSubstr("covers  shop_*.orders_?, but for shop_eu.*, orders_1\n"));
}

TEST_F(TaskCliTest, CollectionWithoutDatabaseIsOfTheDefaultOne) {
  EXPECT_EQ(Run({"create", "--target-uri", "http://h:1", "--collection", "a", "--collection", "*"}),
            0);
  EXPECT_THAT(server_.Requests("create"),
              ElementsAre(HasSubstr(R"("collection_infos":[{"name":"a"},{"name":"*"}])")));
  EXPECT_THAT(err_.str(), IsEmpty());
}

TEST_F(TaskCliTest, AmbiguousOrEmptyNamesAreRefusedBeforeAnythingIsSent) {
  for (const auto& scope :
       std::vector<std::vector<std::string>>{{"--collection", "c", "--database", "db"},
                                             {"--collection", "a.b.c"},
                                             {"--exclude", "c", "--database", "db"},
                                             {"--exclude", "a.b.c"},
                                             {"--exclude", ""},
                                             {"--collection", ".c"},
                                             {"--collection", "db."},
                                             {"--database", "a.b"}}) {
    std::vector<std::string> arguments = {"create", "--target-uri", "http://h:1"};
    arguments.insert(arguments.end(), scope.begin(), scope.end());
    EXPECT_EQ(Run(arguments), 2) << scope[1];
    EXPECT_THAT(err_.str(), StartsWith("milvus-cdc: --"));
  }
  EXPECT_THAT(server_.Requests("create"), IsEmpty());
}

TEST_F(TaskCliTest, TokenComesFromThreePlacesAndIsNeverShown) {
  const std::vector<std::string> create = {"create", "--target-uri", "http://h:1", "--collection",
                                           "c"};
  const auto with = [&create](std::vector<std::string> more) {
    more.insert(more.begin(), create.begin(), create.end());
    return more;
  };
  server_.SetAnswer("create", R"({"code":500,"message":"fail to handle the create request, error: )"
                              R"(fail to connect the milvus: refused"})");
  environment_["MILVUS_CDC_TARGET_TOKEN"] = "root:env-hush";
  EXPECT_EQ(Run(create), 1);
  EXPECT_THAT(out_.str() + err_.str(), Not(HasSubstr("hush")));
  EXPECT_EQ(Run(with({"--token", "root:arg-hush"})), 1);
  EXPECT_THAT(out_.str() + err_.str(), Not(HasSubstr("hush")));
  EXPECT_EQ(Run(with({"--token-file", Write("root:file-hush\n")})), 1);
  EXPECT_THAT(out_.str() + err_.str(), Not(HasSubstr("hush")));
  EXPECT_THAT(server_.Requests("create"), ElementsAre(HasSubstr(R"("token":"root:env-hush")"),
                                                      HasSubstr(R"("token":"root:arg-hush")"),
                                                      HasSubstr(R"("token":"root:file-hush")")));
  EXPECT_EQ(Run(with({"--token", "arg-hush", "--token-file", file_})), 2);
  EXPECT_THAT(out_.str() + err_.str(), Not(HasSubstr("hush")));
  EXPECT_EQ(Run(with({"--tokne", "arg-hush"})), 2);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("--tokne"), Not(HasSubstr("hush"))));
  EXPECT_EQ(Run(with({"--tokne=arg-hush"})), 2);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("--tokne"), Not(HasSubstr("hush"))));
}

TEST_F(TaskCliTest, RequestFileMayBeOverridden) {
  Write(R"({"request_type":"create","request_data":{"Milvus_Connect_Param":{"URI":"http://f:1",)"
        R"("token":"t"},"DB_COLLECTIONS":{"f":[{"name":"*"}]},"extra":1}})");
  EXPECT_EQ(Run({"create", "--file", file_}), 0);
  EXPECT_EQ(Run({"create", "--file", file_, "--target-uri", "http://h:1", "--collection", "c"}), 0);
  EXPECT_THAT(server_.Requests("create"),
              ElementsAre(R"({"DB_COLLECTIONS":{"f":[{"name":"*"}]},"Milvus_Connect_Param":)"
                          R"({"URI":"http://f:1","token":"t"},"extra":1})",
                          R"({"Milvus_Connect_Param":{"URI":"http://h:1","token":"t"},)"
                          R"("collection_infos":[{"name":"c"}],"extra":1})"));
}

TEST_F(TaskCliTest, BadFilesAreNamedWithoutTheirContent) {
  for (const char* text : {R"({"token":"hush" oops)", "[1]", R"({"request_type":"delete"})",
                           R"({"request_type":"create","request_data":"hush"})"}) {
    EXPECT_EQ(Run({"create", "--file", Write(text)}), 2) << text;
    EXPECT_THAT(err_.str(), AllOf(HasSubstr(file_), Not(HasSubstr("hush"))));
  }
  for (const char* token : {"hush\nhush\n", "hush\rhush", "hush\r\n\r\nhush\r\n", "\n", ""}) {
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{"create", "--target-uri", "http://h:1", "--token-file"},
          std::vector<std::string>{"list", "--server-token-file"}}) {
      std::vector<std::string> arguments = command;
      arguments.push_back(Write(token));
      EXPECT_EQ(Run(arguments), 2) << token;
      EXPECT_THAT(err_.str(), AllOf(HasSubstr(file_), Not(HasSubstr("hush"))));
    }
  }
  EXPECT_EQ(Run({"create", "--file", "/does/not/exist"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("No such file"));
}

TEST_F(TaskCliTest, ListIsATable) {
  EXPECT_EQ(Run({"list"}), 0);
  EXPECT_THAT(out_.str(),
              StartsWith("ID    STATE    CONDITION  TARGET               COVERS                   "
                         "LAG  ROWS\n"
                         "abc1  Running  ok         http://target:19530  default.a, default.b  "
                         "120 ms     5\n"));
  EXPECT_EQ(Run({"list", "-o", "json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("tasks").size(), 3U);
  server_.SetAnswer("list", ListAnswer({}));
  EXPECT_EQ(Run({"list"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("no tasks"));
}

TEST_F(TaskCliTest, GetShowsEverythingOfOneTask) {
  server_.SetAnswer("get", R"({"code":200,"data":{"task":)" +
                               TaskJson({.id = "def", .condition = "retrying", .reason = "why"}) +
                               "}}");
  EXPECT_EQ(Run({"get", "d"}), 0);
  EXPECT_THAT(server_.Requests("get"), ElementsAre(R"({"task_id":"def"})"));
  EXPECT_THAT(out_.str(),
              AllOf(HasSubstr("condition   retrying\n"), HasSubstr("reason      why\n"),
                    HasSubstr("scope       *.*\n"), HasSubstr("2.0 KiB"),
                    HasSubstr("by-dev-rootcoord-dml_0  2024-05-06 07:08:09.007Z  CgAS")));
  EXPECT_EQ(Run({"get", "def", "--output=json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("task").at("task_id"), "def");
}

TEST_F(TaskCliTest, ACopyMayBeOfSomeRows) {
  server_.SetAnswer("snapshot", R"({"code":200,"data":{}})");
  EXPECT_EQ(Run({"snapshot", "def", "--collection", "d.c", "--partition", "p", "--partition", "q",
                 "--filter", "price > 10"}),
            0);
  EXPECT_EQ(Run({"snapshot", "def", "--collection", "d.c"}), 0);
  EXPECT_EQ(Run({"snapshot", "def", "--collection", "d.c", "--cancel"}), 0);
  EXPECT_THAT(
      server_.Requests("snapshot"),
      ElementsAre(
          R"({"collections":["d.c"],"filter":"price > 10","partitions":["p","q"],"task_id":"def"})",
          R"({"collections":["d.c"],"task_id":"def"})",
          R"({"cancel":true,"collections":["d.c"],"task_id":"def"})"));
  EXPECT_EQ(Run({"snapshot", "def", "--collection", "d.c", "--cancel", "--filter", "id > 1"}), 2);
  EXPECT_EQ(Run({"snapshot", "def", "--collection", "d.c", "--filter", " "}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("is blank"));
  EXPECT_EQ(Run({"retry", "def", "--collection", "d.c", "--partition", "p"}), 2);
}

TEST_F(TaskCliTest, GetShowsWhichRowsWereCopied) {
  nlohmann::json task = nlohmann::json::parse(TaskJson({.id = "def"}));
  task["snapshots"] = nlohmann::json::parse(
      R"([{"collection":"d.c","done":true,"partitions":["p","q"],"filter":"price > 10"},
          {"collection":"d.e","done":true,"partitions":[],"filter":""}])");
  server_.SetAnswer("get", R"({"code":200,"data":{"task":)" + task.dump() + "}}");
  EXPECT_EQ(Run({"get", "def"}), 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("d.c: partitions p, q, rows with price > 10\n"),
                                Not(HasSubstr("d.e:"))));
}

TEST_F(TaskCliTest, AnUpdateSendsWhatIsToBeDifferentAndTellsWhatItMeans) {
  server_.SetAnswer("patch", R"({"task_id":"def","changes":[)"
                             R"({"collection":"d.c","what":"added","rows":"from latest"}]})");
  EXPECT_EQ(Run({"update", "de", "--file", Write(R"({"exclude":["d.x"]})")}), 0) << err_.str();
  EXPECT_THAT(server_.Requests("patch"), ElementsAre(R"(def {"exclude":["d.x"]})"));
  EXPECT_EQ(out_.str(), "added d.c: from latest\ntask def is changed\n");
  EXPECT_EQ(Run({"update", "def", "--file", file_, "-o", "json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("changes").size(), 1U);
  server_.SetAnswer("patch",
                    R"({"status":422,"detail":"see errors","errors":[)"
                    R"({"field":"sync_index","message":"cannot be changed"}]})",
                    422);
  EXPECT_NE(Run({"update", "def", "--file", file_}), 0);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("cannot change task def: see errors; "
                                          "sync_index: cannot be changed"),
                                HasSubstr("answered 422")));
  server_.SetAnswer("patch", "<html>", 502);
  EXPECT_NE(Run({"update", "def", "--file", file_}), 0);
  EXPECT_THAT(err_.str(), HasSubstr("is not a milvus-cdc server"));
}

TEST_F(TaskCliTest, IdsMayBeShortened) {
  EXPECT_EQ(Run({"pause", "d", "abc2", "def"}), 0);
  EXPECT_EQ(out_.str(), "paused def\npaused abc2\n");
  EXPECT_THAT(server_.Requests("pause"),
              ElementsAre(R"({"task_id":"def"})", R"({"task_id":"abc2"})"));
  EXPECT_EQ(Run({"resume", "d", "-o", "json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("task_ids").at(0), "def");
  EXPECT_EQ(Run({"resume", "d", "--on-undecodable", "skip"}), 0);
  EXPECT_EQ(server_.Requests("resume").back(), R"({"on_undecodable":"skip","task_id":"def"})");
  EXPECT_EQ(Run({"resume", "d", "--on-undecodable", "ignore"}), 2);
  EXPECT_EQ(Run({"resume", "d", "--stop-at", "0"}), 0);
  EXPECT_EQ(server_.Requests("resume").back(), R"({"stop_at":"0","task_id":"def"})");
}

TEST_F(TaskCliTest, AResumeWithPositionsSaysWhatTheyMean) {
  server_.SetAnswer("resume",
                    R"({"code":200,"data":{"changes":[{"collection":"db.c","what":"moved",)"
                    R"("rows":"rows after x come again"}]}})");
  Write(R"({"db.c":{"dml_0_7v0":"AQI="}})");
  EXPECT_EQ(Run({"resume", "d", "--positions", file_, "--force"}), 0);
  EXPECT_EQ(out_.str(), "moved db.c: rows after x come again\nresumed def\n");
  EXPECT_EQ(server_.Requests("resume").back(),
            R"({"force":true,"positions":{"db.c":{"dml_0_7v0":"AQI="}},"task_id":"def"})");
  EXPECT_EQ(Run({"resume", "d", "--positions", file_, "-o", "json"}), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("changes").at(0).at("what"), "moved");
  EXPECT_EQ(Run({"resume", "d", "--force"}), 2) << "it is for positions";
  EXPECT_EQ(Run({"resume", "d", "abc1", "--positions", file_}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("name one id"));
}

TEST_F(TaskCliTest, AmbiguousOrUnknownIdChangesNothing) {
  EXPECT_EQ(Run({"delete", "def", "abc"}), 1);
  EXPECT_EQ(err_.str(),
            "milvus-cdc: cannot delete: \"abc\" is the beginning of several ids: abc1, abc2\n");
  EXPECT_EQ(Run({"delete", "def", "x"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("no task has the id \"x\""));
  EXPECT_EQ(Run({"delete", ""}), 2);
  EXPECT_THAT(server_.Requests("delete"), IsEmpty());
  EXPECT_EQ(Run({"delete", "x", "--ignore-not-found"}), 0);
  EXPECT_THAT(server_.Requests("delete"),
              ElementsAre(R"({"ignore_not_found":true,"task_id":"x"})"));
}

TEST_F(TaskCliTest, RefusalDoesNotKeepTheOthersFromBeingDone) {
  server_.PushAnswer("pause", R"({"code":400,"message":"fail to handle the pause request, error: )"
                              R"(the task has paused, task_id: abc1"})");
  EXPECT_EQ(Run({"pause", "abc1", "def"}), 1);
  EXPECT_EQ(out_.str(), "paused def\n");
  EXPECT_EQ(err_.str(), "milvus-cdc: cannot pause task abc1: the task has paused, task_id: abc1 (" +
                            server_.url() + " answered 400)\n");
}

TEST_F(TaskCliTest, ServerThatIsNotThere) {
  server_.Stop();
  EXPECT_EQ(Run({"list"}), 3);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("cannot list the tasks: cannot reach " + server_.url()),
                                HasSubstr("hint: is `milvus-cdc serve` running there?")));
}

TEST_F(TaskCliTest, SomethingElseThatAnswers) {
  server_.SetAnswer("list", "<html>", 404);
  EXPECT_EQ(Run({"list"}), 3);
  EXPECT_THAT(err_.str(), HasSubstr("is not a milvus-cdc server: it answered HTTP 404"));
  server_.SetAnswer("list", "[]");
  EXPECT_EQ(Run({"list"}), 3);
}

TEST_F(TaskCliTest, OptionWinsOverTheEnvironment) {
  environment_["MILVUS_CDC_SERVER"] = "http://127.0.0.1:1";
  EXPECT_EQ(Run({"list", "--server", server_.url() + "/"}), 0);
  EXPECT_EQ(Run({"--server", server_.url(), "list"}), 0);
  EXPECT_EQ(Run({"list"}), 3);
}

TEST_F(TaskCliTest, WrongUse) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {},
           {"dance"},
           {"get"},
           {"pause"},
           {"create"},
           {"list", "--bogus"},
           {"list", "more"},
           {"list", "-o", "text"},
           {"list", "--server", "ftp://h"},
           {"list", "--server", "http://"},
           {"list", "--server", "h:99999"},
           {"watch", "--interval", "0"},
           {"create", "--target-uri", "u", "--start-from", "now"}}) {
    EXPECT_EQ(Run(arguments), 2) << ::testing::PrintToString(arguments);
    EXPECT_THAT(out_.str(), IsEmpty());
    EXPECT_THAT(err_.str(), Not(IsEmpty()));
  }
  EXPECT_EQ(Run({"list", "--server", "http://me:hush@h:1"}), 2);
  EXPECT_THAT(err_.str(), Not(HasSubstr("hush")));
}

TEST_F(TaskCliTest, Help) {
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("watch"), HasSubstr("Exit codes")));
  EXPECT_EQ(Run({"create", "--help"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("--target-uri"));
}

TEST_F(TaskCliTest, TheServersTokenComesFromAFileOrTheEnvironment) {
  EXPECT_EQ(Run({"list"}), 0);
  EXPECT_EQ(server_.Authorization(), "");
  environment_["MILVUS_CDC_SERVER_TOKEN"] = "of-the-environment";
  EXPECT_EQ(Run({"list"}), 0);
  EXPECT_EQ(server_.Authorization(), "Bearer of-the-environment");
  EXPECT_EQ(Run({"list", "--server-token-file", Write("of-the-file\n")}), 0);
  EXPECT_EQ(server_.Authorization(), "Bearer of-the-file");
  environment_["MILVUS_CDC_SERVER_TOKEN"] = "two\r\nlines";
  EXPECT_EQ(Run({"list"}), 2);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("the server's token"), Not(HasSubstr("two"))));
}

TEST_F(TaskCliTest, ARefusedTokenIsExplained) {
  server_.SetAnswer("list", R"({"code":401,"message":"a token of this server is needed: …"})", 401);
  EXPECT_EQ(Run({"list"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("hint: give the server's token by --server-token-file"));
}

TEST_F(TaskCliTest, APlanIsATableAndItsExitCodeSaysWhetherTheTaskCanStart) {
  const auto answer = [](bool can_start) {
    return std::string(R"({"code":200,"data":{"plan":{"items":[)") +
           R"({"severity":"warning","area":"schema","object":"db.c",)"
           R"("finding":"field a differs","cure":"drop it"}],)"
           R"("summary":{"ok":0,"note":0,"warning":1,"error":0},"can_start":)" +
           (can_start ? "true" : "false") + "}}}";
  };
  server_.SetAnswer("create", answer(true));
  EXPECT_EQ(Run({"plan", "--target-uri", "http://h:1", "--collection", "db.c"}), 0);
  EXPECT_EQ(out_.str(),
            "SEVERITY  AREA    OBJECT  FINDING\n"
            "warning   schema  db.c    field a differs\n"
            "                          cure: drop it\n"
            "\n"
            "the task can start: errors 0, warnings 1, notes 0, ok 0\n");
  EXPECT_THAT(server_.Requests("create"), ElementsAre(HasSubstr(R"("plan":true)")));
  server_.SetAnswer("create", answer(false));
  EXPECT_EQ(Run({"plan", "--target-uri", "http://h:1", "-o", "json"}), 5);
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("plan").at("can_start"), false);
}

TEST_F(TaskCliTest, AServerThatCreatesInsteadOfPlanningIsTold) {
  EXPECT_EQ(Run({"plan", "--target-uri", "http://h:1"}), 3);
  EXPECT_THAT(err_.str(), HasSubstr("of a version without plans"));
}

}  // namespace
}  // namespace cdc::cli
