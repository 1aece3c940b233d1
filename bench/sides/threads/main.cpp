// The hand-written side: threads that block, one connection of Connector/C each, and no pool. There are as many as
// callers but no more than connections: beyond that it shows what threads can do at most, as nobody queues for them.
#include "connection.hpp"
#include "program.hpp"
#include "threads.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using namespace cenote;
using namespace cenote::bench;

constexpr const char* update_sql = "UPDATE bench_account SET balance = balance + 1 WHERE id = ";
constexpr const char* insert_sql = "INSERT INTO bench_entry (account) VALUES (";

/// What `--prepared` prepares on each connection: as much as the workload needs.
struct prepared_statements {
  prepared_statements(MYSQL* x, workload load) {
    if (load == workload::transaction) {
      update.emplace(x, std::string{update_sql} + "?");
      insert.emplace(x, std::string{insert_sql} + "?)");
    } else {
      select.emplace(x);
    }
  }

  std::optional<prepared_select> select;
  std::optional<prepared_change> update;
  std::optional<prepared_change> insert;
};

/// A thread's own connection.
class worker {
public:
  worker(const server_settings& where, const options& opts, bool prepared)
      : where_{&where}, load_{opts.load}, pre_ping_{opts.pre_ping}, prepared_{prepared} {
    connect();
  }

  void run(caller& self) {
    if (!connection_)
      connect();
    try {
      if (pre_ping_)
        ping(connection_.get());
      operate(self);
    } catch (...) {
      // Reconnecting is left to the next operation.
      prepared_statements_.reset();
      connection_.reset();
      throw;
    }
  }

private:
  void connect() {
    connection_ = open(*where_);
    if (prepared_)
      prepared_statements_.emplace(connection_.get(), load_);
  }

  void operate(caller& self) {
    switch (load_) {
    case workload::transaction:
      return transact(self);
    case workload::large:
      return read_large(self);
    default:
      self.answered(prepared_ ? (*prepared_statements_->select)(self.id()) : select(self.id()));
    }
  }

  manga select(int id) {
    auto rows =
        query(connection_.get(), "SELECT id, title, link, chapters FROM bench_point WHERE id = " + std::to_string(id));
    auto cells = mysql_fetch_row(rows.get());
    if (!cells)
      throw std::runtime_error{"no row " + std::to_string(id)};
    auto sizes = mysql_fetch_lengths(rows.get());
    return {number(cells[0], sizes[0]), std::string{cells[1], sizes[1]}, std::string{cells[2], sizes[2]},
            number(cells[3], sizes[3])};
  }

  void transact(caller& self) {
    auto x = connection_.get();
    auto id = std::to_string(self.id());
    query(x, "BEGIN");
    auto updated = prepared_ ? (*prepared_statements_->update)(self.id()) : change(x, update_sql + id);
    auto inserted = prepared_ ? (*prepared_statements_->insert)(self.id()) : change(x, insert_sql + id + ")");
    query(x, "COMMIT");
    self.answered(updated, inserted);
  }

  void read_large(caller& self) {
    large_answer all;
    auto rows = query(connection_.get(), "SELECT id, body FROM bench_large");
    while (auto cells = mysql_fetch_row(rows.get())) {
      auto sizes = mysql_fetch_lengths(rows.get());
      all.add(number(cells[0], sizes[0]), std::string{cells[1], sizes[1]});
    }
    self.answered(all);
  }

  const server_settings* where_;
  workload load_;
  bool pre_ping_;
  bool prepared_;
  connection_ptr connection_;
  std::optional<prepared_statements> prepared_statements_; ///< Ends before their connection.
};

figures run(const options& opts, bool prepared) {
  if (opts.load == workload::checkout)
    throw not_applicable{"a thread has a connection of its own: there is no pool to take one from"};
  if (prepared && opts.load == workload::large)
    throw not_applicable{"--prepared is for point, transaction and recovery"};
  auto where = server_of_environment();
  return measure_threads(opts, std::min(opts.callers, opts.connections), [&] {
    return [hand = std::make_shared<worker>(where, opts, prepared)](caller& self) { hand->run(self); };
  });
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Hand-written threads with blocking Connector/C.", "cenote-bench-threads"};
  bool prepared = false;
  app.add_flag("--prepared", prepared, "prepare the statements on the server, once per connection");
  return run_side(app, argc, argv, [&](const options& opts) { return run(opts, prepared); });
}
