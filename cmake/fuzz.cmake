# Fuzz targets: fuzz/<name>_fuzz.cc with LLVMFuzzerTestOneInput, and files in fuzz/corpus/<name>/.
#
# With CDC_FUZZ they are linked with libFuzzer, which looks for new inputs. Otherwise each of them is
# an ordinary program that runs every file of its corpus once, and a test with the label "unit".
if(CDC_FUZZ)
  # All code tells libFuzzer which branches were taken.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# cdc_fuzz(<name> DEPS <libraries...>)
function(cdc_fuzz name)
  cmake_parse_arguments(FUZZ "" "" "DEPS" ${ARGN})
  set(target ${name}_fuzz)
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
  add_executable(${target} ${target}.cc)
  target_link_libraries(${target} PRIVATE ${FUZZ_DEPS} cdc_warnings)
  if(CDC_FUZZ)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    return()
  endif()
  target_sources(${target} PRIVATE replay_main.cc)
  add_dependencies(tests ${target})
  add_test(NAME fuzz/${name} COMMAND ${target} ${corpus})
  set_tests_properties(fuzz/${name} PROPERTIES LABELS unit TIMEOUT 600)
endfunction()
