# The warnings of our own code; all are errors. Generated code does not link this.
add_library(cdc_warnings INTERFACE)
target_compile_options(cdc_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wduplicated-cond -Wlogical-op -Wuseless-cast
  # A designated initializer may leave out what has a default.
  -Wno-missing-field-initializers
  # g++ 12 sees overlaps in std::string that are none (its bug 105651).
  -Wno-restrict)
