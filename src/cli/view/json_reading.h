#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

// Helpers to read a server's answer: a member of another type counts as missing.
namespace cdc::cli {

// JSON null if missing.
const nlohmann::ordered_json& Member(const nlohmann::ordered_json& json, const char* key);

// Safe to print; empty if missing.
std::string Text(const nlohmann::ordered_json& json, const char* key);

// The strings of a list, safe to print.
std::vector<std::string> Texts(const nlohmann::ordered_json& json, const char* key);

}  // namespace cdc::cli
