#pragma once

namespace cdc {

// For a std::unique_ptr to what a C library has made: frees it with the library's function.
template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};

}  // namespace cdc
