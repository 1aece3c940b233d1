#include "cenote/jobs/payload.hpp"

namespace cenote::detail {

std::string json_problem(std::string_view) {
  return {};
}

} // namespace cenote::detail
