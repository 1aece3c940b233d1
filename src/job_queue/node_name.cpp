#include "job_queue/node_name.hpp"

#include "actors/random_id.hpp"

#include <algorithm>
#include <array>

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

namespace cenote {

namespace {

std::string this_process() {
  std::array<char, 65> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0)
    host = {};
  return fmt::format("{}:{}", host.data(), ::getpid());
}

} // namespace

std::string make_node_name(const std::string& given) {
  auto name = given.empty() ? this_process() : given;
  // The column holds ASCII, and 128 letters.
  std::ranges::replace_if(
      name, [](char letter) { return letter <= ' ' || letter > '~'; }, '_');
  return fmt::format("{}#{:08x}", name.substr(0, 100), random_id() & 0xffffffffu);
}

} // namespace cenote
