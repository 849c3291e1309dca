# A room is one folder of src/ and one static library: source/kafka is cdc_source_kafka.
#
# cdc_room(<folder> DEPS <libraries...> TEST_DEPS <libraries...>)
#   *.cc                     -> cdc_<room>
#   *_test.cc                -> <room>_test, label "unit", for ctest one test
#   *_{etcd,kafka,lite,pulsar,rocksmq}_test.cc -> <room>_component_test, label "component": needs a real server,
#                               which the test itself starts
#   testing/*.cc             -> cdc_<room>_testing, fakes for the tests of other rooms
#
# The test files of a room are compiled together (UNITY_BUILD): most of their cost are the same
# headers. Their anonymous namespaces are therefore one; the preset `dev` compiles each by itself.
add_custom_target(tests)  # all programs that ctest runs

function(cdc_room folder)
  cmake_parse_arguments(ROOM "" "" "DEPS;TEST_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  file(GLOB fakes CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/testing/*.cc)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|/main\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(components ${tests})
  list(FILTER components INCLUDE REGEX "_(etcd|kafka|lite|pulsar|rocksmq)_test\\.cc$")
  list(FILTER tests EXCLUDE REGEX "_(etcd|kafka|lite|pulsar|rocksmq)_test\\.cc$")

  string(REPLACE "/" "_" room ${folder})
  set(library cdc_${room})
  if(sources)
    add_library(${library} STATIC ${sources} ${headers})
    target_link_libraries(${library} PUBLIC ${ROOM_DEPS} PRIVATE cdc_warnings)
    target_include_directories(${library} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  else()
    add_library(${library} INTERFACE)
    target_link_libraries(${library} INTERFACE ${ROOM_DEPS})
    target_include_directories(${library} INTERFACE ${CMAKE_SOURCE_DIR}/src)
  endif()
  if(NOT CDC_TESTS)
    return()
  endif()
  set(test_libraries ${library} ${ROOM_TEST_DEPS} GTest::gmock GTest::gtest_main cdc_warnings)
  if(fakes)
    add_library(${library}_testing STATIC ${fakes})
    target_link_libraries(${library}_testing PUBLIC ${library} PRIVATE cdc_warnings)
    list(PREPEND test_libraries ${library}_testing)
  endif()
  foreach(kind unit component)
    set(files ${tests})
    set(target ${room}_test)
    if(kind STREQUAL "component")
      set(files ${components})
      set(target ${room}_component_test)
    endif()
    if(files)
      add_executable(${target} ${files})
      target_link_libraries(${target} PRIVATE ${test_libraries})
      set_target_properties(${target} PROPERTIES UNITY_BUILD ${CDC_UNITY_TESTS}
                                                 UNITY_BUILD_BATCH_SIZE 8)
      add_dependencies(tests ${target})
      # One process for all tests of a room: starting one costs more than most of the tests. The
      # longest first; the source's folder is given at run time, so that what is compiled is the
      # same in every clone.
      add_test(NAME ${target} COMMAND ${target})
      set_tests_properties(${target} PROPERTIES LABELS ${kind} TIMEOUT 1200
                                                ENVIRONMENT CDC_SOURCE_DIR=${CMAKE_SOURCE_DIR})
      if(kind STREQUAL "component")
        set_tests_properties(${target} PROPERTIES COST 100)
      endif()
    endif()
  endforeach()
endfunction()
