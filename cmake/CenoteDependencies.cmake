# Finds what cenote is built from. CAF is looked for where CMake looks, then where scripts/setup puts it.

set(CENOTE_CAF_VERSION 0.18.7)

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(tl-expected REQUIRED)

if(DEFINED ENV{CENOTE_CACHE})
  set(cenote_cache "$ENV{CENOTE_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(cenote_cache "$ENV{XDG_CACHE_HOME}/cenote")
else()
  set(cenote_cache "$ENV{HOME}/.cache/cenote")
endif()

if(CENOTE_SANITIZE MATCHES "thread")
  # TSan needs a CAF built for it, else it reports races that are none.
  find_package(CAF CONFIG QUIET PATHS "${cenote_cache}/caf-${CENOTE_CAF_VERSION}-tsan" NO_DEFAULT_PATH)
  set(hint "run scripts/setup --tsan")
else()
  find_package(CAF ${CENOTE_CAF_VERSION} CONFIG QUIET)
  if(NOT CAF_FOUND)
    find_package(CAF CONFIG QUIET PATHS "${cenote_cache}/caf-${CENOTE_CAF_VERSION}" NO_DEFAULT_PATH)
  endif()
  set(hint "run scripts/setup, or set CMAKE_PREFIX_PATH to a CAF 0.18")
endif()
if(NOT CAF_FOUND)
  message(FATAL_ERROR "cenote needs CAF ${CENOTE_CAF_VERSION}: ${hint}")
endif()

include(CenoteMariaDB)
if(NOT TARGET MariaDB::client)
  message(FATAL_ERROR "cenote needs MariaDB's Connector/C: run scripts/setup, or install libmariadb-dev")
endif()

find_program(CENOTE_CCACHE ccache)
if(CENOTE_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness lets it work with precompiled headers, the base folder across checkouts.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime;CCACHE_BASEDIR=${CMAKE_SOURCE_DIR};CCACHE_NOHASHDIR=1;${CENOTE_CCACHE}")
endif()
