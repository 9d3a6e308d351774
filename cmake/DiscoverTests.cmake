# Run by ctest itself, each time: lists the cases of one GoogleTest program and adds them as tests. CMake's own gtest_discover_tests
# keeps the list it found first, but parity cases depend on the folder that EPICRISIS_FIXTURES names, and it loses all labels but one.
# Set by the includer: TEST_PROGRAM, TEST_WORKING_DIR, TEST_LABELS, TEST_TIMEOUT, and TEST_BY_SUITE: whether a suite runs in one process.
if(NOT EXISTS "${TEST_PROGRAM}")
  add_test("${TEST_PROGRAM}_NOT_BUILT" "${TEST_PROGRAM}_NOT_BUILT")
  return()
endif()
execute_process(COMMAND "${TEST_PROGRAM}" --gtest_list_tests WORKING_DIRECTORY "${TEST_WORKING_DIR}"
  OUTPUT_VARIABLE listing RESULT_VARIABLE status TIMEOUT 60)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${TEST_PROGRAM} cannot list its tests: ${status}")
endif()
string(REGEX REPLACE "[[;]" "_" listing "${listing}")  # brackets and semicolons would end list elements
string(REPLACE "\n" ";" lines "${listing}")
set(suite "")
foreach(line IN LISTS lines)
  string(REGEX REPLACE " *#.*$" "" line "${line}")
  if(line MATCHES "^([^ ].*)\\.$")
    set(suite "${CMAKE_MATCH_1}")
    if(TEST_BY_SUITE)
      add_test("${suite}" "${TEST_PROGRAM}" "--gtest_filter=${suite}.*")
      set_tests_properties("${suite}" PROPERTIES WORKING_DIRECTORY "${TEST_WORKING_DIR}" LABELS "${TEST_LABELS}" TIMEOUT "${TEST_TIMEOUT}")
    endif()
  elseif(line MATCHES "^  ([^ ]+)$")
    set(case "${suite}.${CMAKE_MATCH_1}")
    if(TEST_BY_SUITE OR case MATCHES "DISABLED_")
      continue()
    endif()
    add_test("${case}" "${TEST_PROGRAM}" "--gtest_filter=${case}")
    set_tests_properties("${case}" PROPERTIES WORKING_DIRECTORY "${TEST_WORKING_DIR}" LABELS "${TEST_LABELS}" TIMEOUT "${TEST_TIMEOUT}"
      SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
  endif()
endforeach()
