#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace cdc {

// The properties of a record of Milvus' write-ahead log that a reader needs, as they are in the
// record; empty if it does not have them.
struct WalProperties {
  std::string version{};      // _v; never empty
  std::string type{};         // _t
  std::string time_tick{};    // _tt
  std::string vchannel{};     // _vc; messages for a whole pchannel have none
  std::string header{};       // _h
  std::string transaction{};  // _tx
  std::string cipher{};       // _ch; the body is encrypted
};

struct WalPropertyName {
  const char* name;
  std::string WalProperties::* property;
};

inline constexpr WalPropertyName kWalPropertyNames[] = {
    {"_v", &WalProperties::version},    {"_t", &WalProperties::type},
    {"_tt", &WalProperties::time_tick}, {"_vc", &WalProperties::vchannel},
    {"_h", &WalProperties::header},     {"_tx", &WalProperties::transaction},
    {"_ch", &WalProperties::cipher},
};

// `get(name)` returns the property of a record, or nothing if the record lacks it. nullptr: the
// record is none of the write-ahead log.
template <class Get>
std::shared_ptr<const WalProperties> ReadWalProperties(Get get) {
  if (std::string_view(get("_v")).empty()) {
    return nullptr;
  }
  auto properties = std::make_shared<WalProperties>();
  for (const WalPropertyName& each : kWalPropertyNames) {
    properties.get()->*each.property = get(each.name);
  }
  return properties;
}

}  // namespace cdc
