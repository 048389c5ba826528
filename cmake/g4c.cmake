# Helpers that every folder's CMakeLists.txt uses.

find_package(absl REQUIRED)
find_package(Threads REQUIRED)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(g4c_options INTERFACE)
target_compile_options(g4c_options INTERFACE -Wall -Wextra -Werror)
if(G4C_SANITIZE)
  # Debian's Abseil and protobuf are not instrumented: container-overflow reports across that border are false.
  target_compile_options(g4c_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all
                                               -fno-omit-frame-pointer)
  target_link_options(g4c_options INTERFACE -fsanitize=address,undefined)
endif()

# g4c_add_library(NAME DEPS lib...): the library g4c_NAME of all *.cc in the current folder.
#
# Its headers are reachable as "NAME/x.h" through a staging folder that holds nothing but a link to this folder, so that
# a file can include only what its library links: the link graph is the include rule.
function(g4c_add_library NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;PRIVATE_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT sources)
    file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.cc "")
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cc)
  endif()
  set(stage ${CMAKE_BINARY_DIR}/include/${NAME})
  file(MAKE_DIRECTORY ${stage})
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${stage}/${NAME} SYMBOLIC)
  add_library(g4c_${NAME} STATIC ${sources})
  set_target_properties(g4c_${NAME} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(g4c_${NAME} PUBLIC ${stage})
  target_link_libraries(g4c_${NAME} PUBLIC g4c_options absl::status absl::statusor absl::strings ${ARG_DEPS}
                        PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# g4c_add_test(NAME DEPS lib...): the test program NAME_test of all *_test.cc in the current folder, run by ctest.
# Tests find their data through G4C_TEST_DATA.
function(g4c_add_test NAME)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${NAME}_test ${sources})
  target_compile_definitions(${NAME}_test PRIVATE G4C_TEST_DATA="${CMAKE_SOURCE_DIR}/tests/data")
  target_link_libraries(${NAME}_test PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest GTest::gtest_main)
  include(GoogleTest)
  gtest_discover_tests(${NAME}_test TEST_PREFIX ${NAME}. DISCOVERY_TIMEOUT 60)
endfunction()
