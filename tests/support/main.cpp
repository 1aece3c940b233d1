// The entry point of every test program.

#define CAF_TEST_NO_MAIN
#include <caf/test/unit_test.hpp>
#include <caf/test/unit_test_impl.hpp>

#include <caf/init_global_meta_objects.hpp>

#ifdef CENOTE_TEST_WITH_ACTORS
#  include "cenote/pool.hpp"
#endif

int main(int argc, char** argv) {
#ifdef CENOTE_TEST_WITH_ACTORS
  cenote::init();
#else
  caf::core::init_global_meta_objects();
#endif
  return caf::test::main(argc, argv);
}
