// The entry point of every test program.

#define CAF_TEST_NO_MAIN
#include <caf/test/unit_test.hpp>
#include <caf/test/unit_test_impl.hpp>

#include <caf/init_global_meta_objects.hpp>

#ifdef CENOTE_TEST_WITH_ACTORS
#  include "cenote/pool.hpp"
#endif

#ifdef __SANITIZE_ADDRESS__
/// A lack of memory is an error for who asked, as without sanitizers: hostile servers announce results of many
/// gigabytes.
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}
#endif

int main(int argc, char** argv) {
#ifdef CENOTE_TEST_WITH_ACTORS
  cenote::init();
#else
  caf::core::init_global_meta_objects();
#endif
  return caf::test::main(argc, argv);
}
