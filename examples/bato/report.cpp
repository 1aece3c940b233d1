#include "bato/report.hpp"

namespace bato {

std::string to_line(const scrape_outcome& outcome) {
  if (!outcome.after)
    return outcome.title + ": its page cannot be read";
  return outcome.title + ": " + std::to_string(outcome.before) + " -> " + std::to_string(*outcome.after) + " chapters";
}

std::string to_line(const scrape_run& run) {
  return "run " + std::to_string(run.id) + ": " + std::to_string(run.scraped) + " scraped, "
         + std::to_string(run.updated) + " with new chapters, " + std::to_string(run.failed) + " failed";
}

} // namespace bato
