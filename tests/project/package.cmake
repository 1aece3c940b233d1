# Installs the build and uses it as somebody else would: cmake -DBUILD=... -DSOURCE=... -DGENERATOR=... -P package.cmake
#
# The project in consumer/ and a copy of the examples are configured, built and run against the install, and the
# installed program is tried.

cmake_minimum_required(VERSION 3.25)

set(work "${BUILD}/package-test")
set(prefix "${work}/prefix")
if(DEFINED ENV{TMPDIR})
  set(outside "$ENV{TMPDIR}")
else()
  set(outside "/tmp")
endif()
# The same place each time, so that ccache knows its files; one for each build.
string(SHA1 id "${BUILD}")
string(SUBSTRING "${id}" 0 12 id)
set(outside "${outside}/cenote-examples-${id}")
file(REMOVE_RECURSE "${work}" "${outside}")

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install "${BUILD}" --prefix "${prefix}")

foreach(file bin/cenote libexec/cenote/mariadb include/cenote/pool.hpp include/cenote/logger.hpp share/doc/cenote/caf-application.conf
             share/doc/cenote/LICENSE share/doc/cenote/README.md share/doc/cenote/docs/settings.md
             share/doc/cenote/contrib/systemd/cenote.service)
  if(NOT EXISTS "${prefix}/${file}")
    message(FATAL_ERROR "the install lacks ${file}")
  endif()
endforeach()

# What is installed must not lead back to where it was built.
file(GLOB_RECURSE package_files "${prefix}/*.cmake")
foreach(file ${package_files})
  file(READ "${file}" text)
  foreach(place "${SOURCE}" "${BUILD}")
    string(FIND "${text}" "${place}/" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${file} names ${place}")
    endif()
  endforeach()
endforeach()

run(${CMAKE_COMMAND} -S "${SOURCE}/tests/project/consumer" -B "${work}/consumer" -G "${GENERATOR}"
    "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
run(${CMAKE_COMMAND} --build "${work}/consumer")
run("${work}/consumer/consumer")

# The examples as somebody would copy them: far from the headers of src/. There is no server: they have to say so.
file(COPY "${SOURCE}/examples" DESTINATION "${outside}")
file(WRITE "${outside}/caf-application.conf" "cenote { pool { breaker-after = 100ms }, retry { max-retries = 0 } }\n")
run(${CMAKE_COMMAND} -S "${outside}/examples" -B "${outside}/build" -G "${GENERATOR}"
    "-DCMAKE_PREFIX_PATH=${prefix}" "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
run(${CMAKE_COMMAND} --build "${outside}/build")
foreach(program first_query jobs repository transaction blocking bato-service)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env DATABASE_URI=mysql://user:password@127.0.0.1:1/bato?connect_timeout=2
                          "${outside}/build/${program}" WORKING_DIRECTORY "${outside}"
                  RESULT_VARIABLE code ERROR_VARIABLE text OUTPUT_VARIABLE ignored)
  if(NOT code EQUAL 1 OR NOT text MATCHES "127.0.0.1:1")
    message(FATAL_ERROR "without a server ${program} ends with ${code} and says: ${text}")
  endif()
endforeach()
run("${outside}/build/repository_test" -n -v3)

# Optimised, for only then do functions of spdlog's headers stay apart from those of its library.
run(${CMAKE_COMMAND} -S "${SOURCE}/tests/project/consumer" -B "${work}/release" -G "${GENERATOR}"
    "-DCMAKE_PREFIX_PATH=${prefix}" -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
run(${CMAKE_COMMAND} --build "${work}/release")
foreach(program logger logger_of_headers)
  run("${work}/release/${program}" register)
  run("${work}/release/${program}" set)
endforeach()
run("${work}/release/logger_from_apart" set)

run("${prefix}/bin/cenote" --version)
run(${CMAKE_COMMAND} -E chdir "${work}" "${prefix}/bin/cenote" check --embedded)

file(REMOVE_RECURSE "${work}" "${outside}")
message("the package works")
