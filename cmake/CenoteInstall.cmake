# The package: find_package(cenote) and cenote::cenote.
