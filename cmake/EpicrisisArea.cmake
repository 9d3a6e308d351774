# How areas, programs, tests, benchmarks and fuzzers of this project are declared. Warnings and sanitizers are
# set on targets, never globally, so that third-party headers are not held to our rules.

if(NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(EPICRISIS_CCACHE ccache)
  if(EPICRISIS_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${EPICRISIS_CCACHE}")
  endif()
endif()

# Compile and link settings every target of this project shares.
function(epicrisis_configure_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wvla
    $<$<BOOL:${EPICRISIS_WARNINGS_AS_ERRORS}>:-Werror>)
  if(EPICRISIS_SANITIZERS)
    target_compile_options(${target} PRIVATE -fsanitize=${EPICRISIS_SANITIZERS} -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=${EPICRISIS_SANITIZERS})
  endif()
endfunction()

# epicrisis_add_area(<name> SOURCES <file>... [DEPENDS <target>...] [PRIVATE_DEPENDS <target>...])
# One static library epicrisis::<name> for src/<name>/. DEPENDS are visible in its headers.
function(epicrisis_add_area name)
  cmake_parse_arguments(AREA "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  set(target epicrisis_${name})
  add_library(${target} STATIC ${AREA_SOURCES})
  add_library(epicrisis::${name} ALIAS ${target})
  target_include_directories(${target} PUBLIC "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} PUBLIC ${AREA_DEPENDS} PRIVATE ${AREA_PRIVATE_DEPENDS})
  epicrisis_configure_target(${target})
endfunction()

# epicrisis_add_test(<name> AREA <area> [LABELS <label>...] [SOURCES <file>...] [DEPENDS <target>...] [TIMEOUT <s>] [BY_SUITE])
# A GoogleTest program built from <name>.cpp, linked with the area under test. Cases are listed when ctest
# runs, not when building: parity cases depend on the folder that EPICRISIS_FIXTURES names. Each case is a test of its own,
# or with BY_SUITE each suite: for programs that take longer to start than a case runs (loading LibTorch takes a second).
function(epicrisis_add_test name)
  cmake_parse_arguments(TEST "BY_SUITE" "AREA;TIMEOUT" "LABELS;SOURCES;DEPENDS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 120)
  endif()
  add_executable(${name} ${name}.cpp ${TEST_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE epicrisis::${TEST_AREA} epicrisis::test_support ${TEST_DEPENDS} GTest::gmock GTest::gtest_main)
  epicrisis_configure_target(${name})
  set(discovery "${CMAKE_CURRENT_BINARY_DIR}/${name}_discovery.cmake")
  file(GENERATE OUTPUT "${discovery}" CONTENT "\
set(TEST_PROGRAM [==[$<TARGET_FILE:${name}>]==])
set(TEST_WORKING_DIR [==[${PROJECT_SOURCE_DIR}]==])
set(TEST_LABELS [==[${TEST_AREA};${TEST_LABELS}]==])
set(TEST_TIMEOUT ${TEST_TIMEOUT})
set(TEST_BY_SUITE ${TEST_BY_SUITE})
include([==[${PROJECT_SOURCE_DIR}/cmake/DiscoverTests.cmake]==])
")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${discovery}")
endfunction()

# epicrisis_add_bench(<name> AREA <area>): a Google Benchmark program built from <name>.cpp.
function(epicrisis_add_bench name)
  cmake_parse_arguments(BENCH "" "AREA" "DEPENDS" ${ARGN})
  add_executable(${name} ${name}.cpp)
  target_link_libraries(${name} PRIVATE epicrisis::${BENCH_AREA} ${BENCH_DEPENDS} benchmark::benchmark_main)
  epicrisis_configure_target(${name})
endfunction()

# epicrisis_add_fuzzer(<name> AREA <area>): a libFuzzer program built from <name>.cpp; Clang only.
function(epicrisis_add_fuzzer name)
  cmake_parse_arguments(FUZZ "" "AREA" "DEPENDS" ${ARGN})
  add_executable(${name} ${name}.cpp)
  target_link_libraries(${name} PRIVATE epicrisis::${FUZZ_AREA} ${FUZZ_DEPENDS})
  epicrisis_configure_target(${name})
  target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers ${name})
endfunction()
