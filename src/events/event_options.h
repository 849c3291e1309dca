#pragma once

#include <cstdint>
#include <string>

namespace cdc {

// How the vectors of a row are written.
enum class VectorFormat {
  kArray,   // a FloatVector as an array of numbers, the others as bytes
  kBase64,  // all as bytes: a FloatVector as its little-endian floats
  kNone,    // not at all
};

// What the events of all collections have in common.
struct EventOptions {
  std::string name;     // source.name, and the prefix of the names of schemas
  std::string version;  // source.version: of the program
  VectorFormat vectors = VectorFormat::kArray;
  // Whether keys and values carry their Connect schema: {"schema":…,"payload":…}.
  bool with_schemas = false;
};

// A point of our own clock.
struct EventTime {
  int64_t unix_ns = 0;
};

}  // namespace cdc
