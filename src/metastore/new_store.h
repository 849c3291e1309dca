#pragma once

namespace cdc {

// What becomes of a place where no store is yet.
enum class NewStore {
  kTakeOver,  // begins with what an earlier program has there
  kEmpty,     // begins empty, for what will be put into it
  kRefuse,    // kNotFound, and nothing is written
};

}  // namespace cdc
