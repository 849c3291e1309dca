#pragma once

#include <string>

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

}  // namespace cdc
