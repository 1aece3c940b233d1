// Poco's side: a thread per caller, and a SessionPool.
#include "program.hpp"
#include "threads.hpp"

#include <Poco/Data/MySQL/Connector.h>
#include <Poco/Data/MySQL/Utility.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/SessionPool.h>
#include <Poco/Data/Statement.h>
#include <Poco/Data/Transaction.h>
#include <Poco/Exception.h>
#include <Poco/Semaphore.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace cenote;
using namespace cenote::bench;
using namespace Poco::Data::Keywords;
using Poco::Data::Session;

std::string connection_string(const server_settings& where) {
  auto by_socket = !where.unix_socket.empty();
  // Poco has no option for the path; Connector/C takes it from here when Poco initialises it.
  if (by_socket)
    setenv("MYSQL_UNIX_PORT", where.unix_socket.c_str(), 1);
  // Poco 1.11 takes a session whose connection is lost for a good one, so that reconnecting is left to Connector/C.
  return "host=" + (by_socket ? "localhost" : where.host) + ";port=" + std::to_string(where.port)
         + ";user=" + where.user + ";password=" + where.password.reveal() + ";db=" + where.database
         + ";character-set=utf8mb4;auto-reconnect=true";
}

/// The pool throws if all sessions are in use, so callers wait in front of it.
class sessions {
public:
  sessions(const std::string& where, int size)
      : pool_{Poco::Data::MySQL::Connector::KEY, where, size, size}, free_{size} {
    std::vector<Session> all;
    all.reserve(static_cast<size_t>(size));
    for (int i = 0; i < size; ++i)
      all.push_back(pool_.get());
  }

  template <class F>
  void with_session(F f) {
    free_.wait();
    struct giving_back {
      Poco::Semaphore* free;
      ~giving_back() { free->set(); }
    } guard{&free_};
    auto session = pool_.get();
    f(session);
  }

private:
  Poco::Data::SessionPool pool_;
  Poco::Semaphore free_;
};

void ping(Session& session) {
  auto handle = Poco::Data::MySQL::Utility::handle(session);
  if (mysql_ping(handle) != 0)
    throw std::runtime_error{mysql_error(handle)};
}

void select(Session& session, caller& self) {
  manga row;
  auto id = self.id();
  session << "SELECT id, title, link, chapters FROM bench_point WHERE id = ?", into(row.id), into(row.title),
      into(row.link), into(row.chapters), use(id), now;
  self.answered(row);
}

void transact(Session& session, caller& self) {
  auto id = self.id();
  Poco::Data::Transaction both{session};
  Poco::Data::Statement update{session};
  update << "UPDATE bench_account SET balance = balance + 1 WHERE id = ?", use(id);
  auto updated = update.execute();
  Poco::Data::Statement insert{session};
  insert << "INSERT INTO bench_entry (account) VALUES (?)", use(id);
  auto inserted = insert.execute();
  both.commit();
  self.answered(updated, inserted);
}

void read_large(Session& session, caller& self) {
  std::vector<int> ids;
  std::vector<std::string> bodies;
  session << "SELECT id, body FROM bench_large", into(ids), into(bodies), now;
  large_answer all;
  for (size_t i = 0; i < ids.size(); ++i)
    all.add(ids[i], bodies[i]);
  self.answered(all);
}

void operate(Session& session, caller& self, workload load) {
  switch (load) {
  case workload::point:
  case workload::recovery:
    return select(session, self);
  case workload::transaction:
    return transact(session, self);
  case workload::large:
    return read_large(session, self);
  case workload::checkout:
    return;
  }
}

figures run(const options& opts) {
  auto where = connection_string(server_of_environment());
  try {
    Poco::Data::MySQL::Connector::registerConnector();
    sessions pool{where, static_cast<int>(opts.connections)};
    return measure_threads(opts, opts.callers, [&] {
      return [&](caller& self) {
        try {
          pool.with_session([&](Session& session) {
            if (opts.pre_ping)
              ping(session);
            operate(session, self, opts.load);
          });
          if (opts.load == workload::checkout)
            self.answered();
        } catch (const Poco::Exception& e) {
          throw std::runtime_error{e.displayText()};
        }
      };
    });
  } catch (const Poco::Exception& e) {
    throw std::runtime_error{e.displayText()};
  }
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Threads that share a SessionPool of Poco.", "cenote-bench-poco"};
  return run_side(app, argc, argv, run);
}
