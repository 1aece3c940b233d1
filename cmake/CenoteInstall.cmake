# The package: find_package(cenote) and cenote::cenote. And what the program needs beside itself.

include(CMakePackageConfigHelpers)

set(cenote_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/cenote")

# What a project links: everything that include/cenote declares.
add_library(cenote_all INTERFACE)
add_library(cenote::cenote ALIAS cenote_all)
set_target_properties(cenote_all PROPERTIES EXPORT_NAME cenote)
# With spdlog, whose definitions make an application share its registry (decision 77).
target_link_libraries(cenote_all INTERFACE cenote::client cenote::job_queue cenote::remote cenote::config spdlog::spdlog)
if(CENOTE_SANITIZE)
  # Libraries built with a sanitizer need its runtime.
  target_link_options(cenote_all INTERFACE $<INSTALL_INTERFACE:-fsanitize=${CENOTE_SANITIZE}>)
endif()

get_property(cenote_libraries GLOBAL PROPERTY CENOTE_LIBRARIES)
foreach(library ${cenote_libraries})
  string(REPLACE "cenote_" "" name "${library}")
  set_target_properties(${library} PROPERTIES EXPORT_NAME ${name})
endforeach()

install(TARGETS cenote_all ${cenote_libraries} EXPORT cenoteTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(EXPORT cenoteTargets NAMESPACE cenote:: DESTINATION "${cenote_package_dir}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/cenote" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/cenoteConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/cenoteConfig.cmake" INSTALL_DESTINATION "${cenote_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/cenoteConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/cenoteConfig.cmake" "${PROJECT_BINARY_DIR}/cenoteConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/CenoteMariaDB.cmake"
        DESTINATION "${cenote_package_dir}")

install(FILES LICENSE README.md CHANGELOG.md config/caf-application.conf DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/contrib" DESTINATION "${CMAKE_INSTALL_DOCDIR}" PATTERN secrets EXCLUDE)

# `cenote --embedded` runs this script as ../libexec/cenote/mariadb, seen from the program.
configure_file("${PROJECT_SOURCE_DIR}/scripts/mariadb" "${CMAKE_BINARY_DIR}/libexec/cenote/mariadb" COPYONLY)
install(PROGRAMS "${PROJECT_SOURCE_DIR}/scripts/mariadb" DESTINATION libexec/cenote)
