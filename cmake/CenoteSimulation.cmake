# The simulation alone: the pure libraries and what plays them.

include(GNUInstallDirs)
find_package(tl-expected REQUIRED)
include(CenoteTargets)

add_subdirectory(src/types)
add_subdirectory(src/pool)
add_subdirectory(src/connection)
add_subdirectory(src/jobs)
add_subdirectory(tests/simulation)
