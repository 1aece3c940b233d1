# Finds MariaDB's Connector/C, which comes without a CMake package, as MariaDB::client.
# Also a part of the installed package: see cenoteConfig.cmake.in.

find_path(MARIADB_INCLUDE_DIR mysql.h PATH_SUFFIXES mariadb)
find_library(MARIADB_LIBRARY mariadb)
if(MARIADB_INCLUDE_DIR AND MARIADB_LIBRARY AND NOT TARGET MariaDB::client)
  add_library(MariaDB::client UNKNOWN IMPORTED)
  set_target_properties(MariaDB::client PROPERTIES IMPORTED_LOCATION "${MARIADB_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${MARIADB_INCLUDE_DIR}")
endif()
