#include "app/print_result.hpp"

#include "app/standard_streams.hpp"

#include <chrono>

namespace cenote::app {

bool print_result(std::string_view text, const signal_watch& signals) {
  if (signals.received() != 0)
    return print_within(text, std::chrono::seconds{1});
  print(text);
  return true;
}

} // namespace cenote::app
