#include "threads.hpp"

#include <exception>
#include <thread>

namespace cenote::bench {

namespace {

void work(caller& self, const operation& run) {
  while (self.next()) {
    try {
      run(self);
    } catch (const std::exception& e) {
      self.failed(e.what());
      if (self.recovers())
        std::this_thread::sleep_for(pause_after_error);
    }
  }
}

} // namespace

figures measure_threads(const options& opts, size_t callers, const std::function<operation()>& make) {
  return measure(opts, callers, [&](std::vector<caller>& crew, const std::function<void()>& started) {
    std::vector<operation> operations;
    for (size_t i = 0; i < callers; ++i)
      operations.push_back(make());
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < callers; ++i)
      threads.emplace_back([&self = crew[i], &run = operations[i]] { work(self, run); });
    started();
    threads.clear();
  });
}

} // namespace cenote::bench
