#include "cli/completion.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <CLI/CLI.hpp>

namespace cdc::cli {
namespace {

constexpr const char* kBash = R"(# bash: source <(milvus-cdc completion bash)
_milvus_cdc() {
  local word=${COMP_WORDS[COMP_CWORD]} line
  COMPREPLY=()
  while IFS= read -r line; do
    line=${line%%$'\t'*}
    if [[ $line == "$word"* ]]; then COMPREPLY+=("$line"); fi
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _milvus_cdc milvus-cdc
)";

constexpr const char* kZsh = R"(#compdef milvus-cdc
# zsh: milvus-cdc completion zsh > a file _milvus-cdc in a folder of $fpath
_milvus_cdc() {
  local -a found
  local line
  while IFS= read -r line; do
    found+=("${${line//:/\\:}/$'\t'/:}")
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then
    _describe 'milvus-cdc' found
  else
    _files
  fi
}
compdef _milvus_cdc milvus-cdc
)";

constexpr const char* kFish =
    R"(# fish: milvus-cdc completion fish > ~/.config/fish/completions/milvus-cdc.fish
complete -c milvus-cdc -a '(milvus-cdc __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
)";

struct Expected {
  const CLI::App* command = nullptr;
  const CLI::Option* option = nullptr;  // whose value the next word is
};

bool IsOption(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

// Also those of the commands above whose options it takes.
std::vector<const CLI::Option*> OptionsOf(const CLI::App& command) {
  std::vector<const CLI::Option*> options = command.get_options();
  for (const CLI::App* at = &command; at->get_fallthrough() && at->get_parent() != nullptr;) {
    at = at->get_parent();
    for (const CLI::Option* option : at->get_options()) {
      options.push_back(option);
    }
  }
  return options;
}

const CLI::Option* FindOption(const CLI::App& command, const std::string& word) {
  for (const CLI::Option* option : OptionsOf(command)) {
    if (option->nonpositional() && option->check_name(word)) {
      return option;
    }
  }
  return nullptr;
}

const CLI::App* FindCommand(const CLI::App& command, const std::string& word) {
  for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
    if (each->check_name(word)) {
      return each;
    }
  }
  return nullptr;
}

// What is expected after all `words` but the last one.
Expected Follow(const CLI::App& app, const std::vector<std::string>& words) {
  Expected expected{.command = &app};
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (expected.option != nullptr) {
      expected.option = nullptr;  // this was its value
    } else if (IsOption(words[i])) {
      const CLI::Option* const option = FindOption(*expected.command, words[i]);
      if (option != nullptr && option->get_items_expected_max() > 0) {
        expected.option = option;
      }
    } else if (const CLI::App* const command = FindCommand(*expected.command, words[i])) {
      expected.command = command;
    }
  }
  return expected;
}

std::string Line(const std::string& word, std::string_view meaning) {
  constexpr size_t kLongest = 80;
  // Up to the end of the first part; a shell shows one line.
  const size_t end = std::min({meaning.find(';'), meaning.find(':'), meaning.find('\n'), kLongest});
  return word + "\t" + std::string(meaning.substr(0, end)) + "\n";
}

// The texts that an option is checked against: its type is written as "TEXT:{a,b}".
std::string LinesOfValues(const CLI::Option& option) {
  std::string type = option.get_type_name();
  const size_t begin = type.find('{');
  const size_t end = type.find('}', begin == std::string::npos ? 0 : begin);
  std::string lines;
  if (begin == std::string::npos || end == std::string::npos) {
    return lines;
  }
  std::string value;
  for (const char c : type.substr(begin + 1, end - begin - 1) + ",") {
    if (c != ',') {
      value += c;
      continue;
    }
    lines += value + "\n";
    value.clear();
  }
  return lines;
}

std::string LinesOfOptions(const CLI::App& command) {
  std::string lines;
  for (const CLI::Option* option : OptionsOf(command)) {
    for (const std::string& name : option->get_lnames()) {
      lines += Line("--" + name, option->get_description());
    }
  }
  return lines;
}

std::string LinesOfCommands(const CLI::App& command) {
  std::string lines;
  for (const CLI::App* each : command.get_subcommands([](const CLI::App*) { return true; })) {
    lines += Line(each->get_name(), each->get_description());
  }
  return lines;
}

bool TakesTaskIds(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_positional() && (option->check_name("id") || option->check_name("ids"))) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string CompletionScript(const std::string& shell) {
  return shell == "bash" ? kBash : shell == "zsh" ? kZsh : kFish;
}

std::string Complete(const CLI::App& app,
                     const std::vector<std::string>& words,
                     const std::function<std::vector<std::string>()>& task_ids) {
  const Expected expected = Follow(app, words);
  const std::string word = words.empty() ? "" : words.back();
  if (expected.option != nullptr) {
    return LinesOfValues(*expected.option);
  }
  if (!word.empty() && word[0] == '-') {
    return LinesOfOptions(*expected.command);
  }
  std::string lines = LinesOfCommands(*expected.command);
  for (const CLI::Option* option : expected.command->get_options()) {
    lines += option->get_positional() ? LinesOfValues(*option) : "";
  }
  if (TakesTaskIds(*expected.command)) {
    for (const std::string& id : task_ids()) {
      lines += id + "\n";
    }
  }
  return lines;
}

}  // namespace cdc::cli
