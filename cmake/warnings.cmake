# The warnings of our own code; all are errors. Generated code does not link this.
add_library(cdc_warnings INTERFACE)
target_compile_options(cdc_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual
  # clang, which builds the fuzz targets, does not know these.
  $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond> $<$<CXX_COMPILER_ID:GNU>:-Wlogical-op>
  $<$<CXX_COMPILER_ID:GNU>:-Wuseless-cast>
  # A designated initializer may leave out what has a default.
  -Wno-missing-field-initializers
  # g++ 12 sees overlaps in std::string that are none (its bug 105651).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  # clang reports what the algorithms of g++'s own library use inside.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)
