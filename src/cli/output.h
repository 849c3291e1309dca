#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace cdc::cli {

// In which form a command prints: for people, or the server's data for programs.
enum class Output { kTable, kJson, kYaml };

// The names of -o. `output` stays as it is if `name` is none of them.
inline constexpr const char* kOutputNames[] = {"table", "json", "yaml"};
bool ReadOutput(const std::string& name, Output* output);

// `data` as one document; ends with a newline. kTable: as kJson.
std::string Render(Output output, const nlohmann::ordered_json& data);

// The same as one of many: JSON in one line, YAML after a line that begins a document.
std::string RenderOneOfMany(Output output, const nlohmann::ordered_json& data);

}  // namespace cdc::cli
