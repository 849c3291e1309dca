# A room is one folder of src/ and one static library: source/kafka is cdc_source_kafka.
#
# cdc_room(<folder> DEPS <libraries...> TEST_DEPS <libraries...>)
#   *.cc                     -> cdc_<room>
#   *_test.cc                -> <room>_test, label "unit", for ctest one test
#   *_{etcd,kafka,lite,mariadb,pulsar,rocksmq}_test.cc -> <room>_component_test, label "component": needs a real server,
#                               which the test itself starts
#   testing/*.cc             -> cdc_<room>_testing, fakes for the tests of other rooms
#
# The files of a room are compiled together, eight at a time: most of their cost are the same
# headers. Their anonymous namespaces are therefore one; the preset `dev` compiles each by itself,
# which is quicker when one of them changes.
option(CDC_UNITY "compile the files of a room together" ON)

add_custom_target(tests)  # all programs that ctest runs

# cdc_together(<variable> <name> <files...>): sets the variable to sources that include the files.
# By paths below src/, so that these sources, too, are the same in every clone and the compiler cache
# knows them; those of CMAKE_UNITY_BUILD hold the clone's path.
function(cdc_together variable name)
  if(NOT CDC_UNITY)
    set(${variable} ${ARGN} PARENT_SCOPE)
    return()
  endif()
  set(sources)
  set(text "")
  set(count 0)
  list(LENGTH ARGN left)
  foreach(file ${ARGN})
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR}/src ${file})
    string(APPEND text "#include \"${path}\"\n")
    math(EXPR count "${count} + 1")
    math(EXPR left "${left} - 1")
    if(count EQUAL 8 OR left EQUAL 0)
      list(LENGTH sources number)
      list(APPEND sources ${CMAKE_CURRENT_BINARY_DIR}/${name}_${number}.cc)
      file(CONFIGURE OUTPUT ${name}_${number}.cc CONTENT "${text}" @ONLY)
      set(text "")
      set(count 0)
    endif()
  endforeach()
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()

function(cdc_room folder)
  cmake_parse_arguments(ROOM "" "" "DEPS;TEST_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  file(GLOB fakes CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/testing/*.cc)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$|/main\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(components ${tests})
  list(FILTER components INCLUDE REGEX "_(etcd|kafka|lite|mariadb|pulsar|rocksmq)_test\\.cc$")
  list(FILTER tests EXCLUDE REGEX "_(etcd|kafka|lite|mariadb|pulsar|rocksmq)_test\\.cc$")

  string(REPLACE "/" "_" room ${folder})
  set(library cdc_${room})
  if(sources)
    cdc_together(sources ${room} ${sources})
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
    cdc_together(fakes ${room}_testing ${fakes})
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
      cdc_together(files ${target} ${files})
      add_executable(${target} ${files})
      target_link_libraries(${target} PRIVATE ${test_libraries})
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
