#include "sink/ddl_collections.h"

#include <type_traits>
#include <variant>

namespace cdc {

std::vector<CollectionName> CollectionsOf(const Ddl& ddl) {
  return std::visit(
      [](const auto& change) -> std::vector<CollectionName> {
        using Change = std::decay_t<decltype(change)>;
        if constexpr (std::is_same_v<Change, RenameCollection>) {
          return {change.from, change.to};
        } else if constexpr (std::is_same_v<decltype(change.name), CollectionName>) {
          return {change.name};
        } else {
          return {};  // of a database
        }
      },
      ddl);
}

}  // namespace cdc
