#pragma once

#include <cstddef>

namespace cdc {

// Raises this process's limit of open files up to its hard limit, 65536 at most, and returns the
// resulting limit. Each connection and each file of RocksDB counts.
size_t RaiseOpenFileLimit();

// How many of them HTTP connections may use: most are for the source, the targets and the store.
size_t ConnectionsFor(size_t open_files);

}  // namespace cdc
