# The page of cenote serve in a real browser.
find_program(CENOTE_NODE NAMES node nodejs DOC "For the test of the page; scripts/setup --page installs it")
if(NOT CENOTE_NODE)
  message(WARNING "no Node.js: without it the test app.page fails; scripts/setup --page installs what it needs")
endif()
add_test(NAME app.page COMMAND "${CENOTE_NODE}" --test-reporter=spec "${CMAKE_CURRENT_LIST_DIR}/page.test.mjs")
# A browser and a loaded program: alone, also with --parallel 2.
set_tests_properties(app.page PROPERTIES TIMEOUT 900 PROCESSORS 2
                     ENVIRONMENT "CENOTE_SOURCE_DIR=${PROJECT_SOURCE_DIR};CENOTE_BINARY_DIR=${PROJECT_BINARY_DIR}")
