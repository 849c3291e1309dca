#pragma once

#include <cstddef>

namespace cdc {

// Lets this process open as many files as its hard limit allows, 65536 at most, and returns how
// many it may open now. Every connection, and every file of RocksDB, is one.
size_t RaiseOpenFileLimit();

// How many of them HTTP connections may take: most are for the source, the targets and the store.
size_t ConnectionsFor(size_t open_files);

}  // namespace cdc
