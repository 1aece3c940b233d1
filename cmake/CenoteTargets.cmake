# cenote_library(name SOURCES ... [LINK ...] [PRIVATE_LINK ...]): a folder's library.
# cenote_options(target): the compiler options of all our targets.

add_library(cenote_flags INTERFACE)
target_compile_features(cenote_flags INTERFACE cxx_std_20)
target_compile_options(cenote_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                       # GCC 12 takes the inactive members of a std::variant for uninitialised ones that are read.
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
                       # Nobody replaces single functions of the library: so they may be inlined, as Clang does.
                       $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>
                       $<$<BOOL:${CENOTE_WERROR}>:-Werror>)
if(CENOTE_SANITIZE)
  target_compile_options(cenote_flags INTERFACE -fsanitize=${CENOTE_SANITIZE} -fno-omit-frame-pointer
                         # The code of tests is compiled more often than it runs.
                         $<IF:$<BOOL:$<TARGET_PROPERTY:CENOTE_IS_TEST>>,-O0,-O1>)
  target_link_options(cenote_flags INTERFACE -fsanitize=${CENOTE_SANITIZE})
  # The usual linker takes most of a minute for each of the many large test programs.
  find_program(CENOTE_LLD ld.lld)
  if(CENOTE_LLD)
    target_link_options(cenote_flags INTERFACE -fuse-ld=lld)
  endif()
  if(CENOTE_SANITIZE MATCHES "undefined")
    target_compile_options(cenote_flags INTERFACE -fno-sanitize-recover=undefined)
    # It has millions of pointers to places in the code. To relocate them takes 0.3 s at each start of the program, and
    # the tests start it some hundred times.
    target_link_options(cenote_flags INTERFACE -no-pie)
  endif()
endif()

function(cenote_options target)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:cenote_flags>)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
endfunction()

function(cenote_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(cenote_${name} STATIC ${arg_SOURCES})
  add_library(cenote::${name} ALIAS cenote_${name})
  cenote_options(cenote_${name})
  target_compile_features(cenote_${name} PUBLIC cxx_std_20)
  target_include_directories(cenote_${name}
                             PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
                             PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(cenote_${name} PUBLIC ${arg_LINK} PRIVATE ${arg_PRIVATE_LINK})
  set_property(GLOBAL APPEND PROPERTY CENOTE_LIBRARIES cenote_${name})
endfunction()
