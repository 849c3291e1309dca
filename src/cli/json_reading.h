#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

// Reading what a server answers: what is not there, or has another type, counts as left out.
namespace cdc::cli {

// null: there is none.
const nlohmann::ordered_json& Member(const nlohmann::ordered_json& json, const char* key);

// Safe to print; empty: there is none.
std::string Text(const nlohmann::ordered_json& json, const char* key);

// The texts of a list, safe to print.
std::vector<std::string> Texts(const nlohmann::ordered_json& json, const char* key);

}  // namespace cdc::cli
