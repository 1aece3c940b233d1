#include "app/process_limits.hpp"

#include <cerrno>
#include <fcntl.h>
#include <latch>
#include <malloc.h>
#include <memory>
#include <sys/mman.h>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

namespace cenote::app {

namespace {

/// What CAF and one connection need, with some to spare.
constexpr size_t needed_descriptors = 10;
constexpr size_t needed_threads_beside_workers = 8;
constexpr size_t needed_memory = 32u << 20;

void require_descriptors() {
  std::vector<int> taken;
  auto problem = 0;
  while (problem == 0 && taken.size() < needed_descriptors)
    if (auto fd = open("/dev/null", O_RDONLY | O_CLOEXEC); fd != -1)
      taken.push_back(fd);
    else
      problem = errno;
  for (auto fd : taken)
    close(fd);
  if (problem != 0)
    throw std::system_error{problem, std::generic_category(),
                            "no descriptors for an actor system and a connection (see ulimit -n)"};
}

void require_memory() {
  auto block = mmap(nullptr, needed_memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (block == MAP_FAILED)
    throw std::system_error{errno, std::generic_category(),
                            "no memory for an actor system and a connection (see ulimit -v)"};
  munmap(block, needed_memory);
}

/// Threads, and memory beside them.
void require_threads(size_t count) {
  std::latch done{1};
  std::vector<std::jthread> taken;
  try {
    while (taken.size() < count)
      taken.emplace_back([&done] { done.wait(); });
    require_memory();
  } catch (std::system_error& err) {
    done.count_down();
    if (taken.size() == count)
      throw;
    throw std::system_error{err.code(), "no threads for an actor system and a connection (see ulimit -u and -v)"};
  } catch (...) {
    done.count_down();
    throw;
  }
  done.count_down();
}

} // namespace

void share_heap_if_limited() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    mallopt(M_ARENA_MAX, 1);
}

void require_resources(size_t workers) {
  require_descriptors();
  require_threads(workers + needed_threads_beside_workers);
}

} // namespace cenote::app
