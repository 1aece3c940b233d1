#include "own_logger.hpp"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

std::shared_ptr<spdlog::logger> make_logger(std::ostream& out) {
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out);
  auto x = std::make_shared<spdlog::logger>("cenote", std::move(sink));
  x->set_pattern("own %l: %v");
  return x;
}

void register_by_name(std::shared_ptr<spdlog::logger> x) {
  spdlog::register_logger(std::move(x));
}
