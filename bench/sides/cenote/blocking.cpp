#include "blocking.hpp"

#include "answers.hpp"
#include "threads.hpp"

#include "cenote/database.hpp"

#include <stdexcept>
#include <thread>

namespace cenote::bench {

namespace {

void await_connections(database& db, size_t count) {
  using namespace std::chrono_literals;
  db.initialize();
  auto deadline = steady::now() + 10s;
  while (db.get_pool_status().total_connections < count) {
    if (steady::now() > deadline)
      throw std::runtime_error{"not all connections could be opened in 10 s"};
    std::this_thread::sleep_for(5ms);
  }
}

void operate(database& db, workload load, caller& self) {
  switch (load) {
  case workload::point:
  case workload::recovery:
    return self.answered(copy(db.execute(select_point(self))));
  case workload::transaction: {
    auto results = db.transact(book_entry(self));
    return self.answered(results.at(0).affected_rows(), results.at(1).affected_rows());
  }
  case workload::large:
    return self.answered(copy_all(db.execute(select_large())));
  case workload::checkout:
    db.with_session([](database::session&) {});
    return self.answered();
  }
}

} // namespace

figures run_blocking(const options& opts, const pool_settings& rules) {
  settings config;
  config.server = server_of_environment();
  config.pool = rules;
  database db{config};
  await_connections(db, opts.connections);
  return measure_threads(opts, opts.callers,
                         [&] { return [&db, load = opts.load](caller& self) { operate(db, load, self); }; });
}

} // namespace cenote::bench
