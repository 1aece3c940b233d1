// The database from plain threads: calls wait for their answers, errors are exceptions.
//   DATABASE_URI=mysql://user:password@host/database blocking
// Needs the table: CREATE TABLE visits (page VARCHAR(20) PRIMARY KEY, n INT NOT NULL)

#include <cenote/configuration.hpp>
#include <cenote/database.hpp>
#include <cenote/pool.hpp>

#include <atomic>
#include <exception>
#include <iostream>
#include <thread>
#include <vector>

int main() try {
  auto settings = cenote::load_settings({}); // DATABASE_URI, and further settings from file and environment
  cenote::init();
  cenote::database db{settings};
  db.initialize();
  db.execute(cenote::idempotent_write("REPLACE INTO visits VALUES ('home', 0)"));
  std::atomic<int> code = 0;
  auto visit = [&db, &code]() {
    try {
      db.with_transaction([](cenote::database::session& session) {
        auto seen = session.execute(cenote::read("SELECT n FROM visits WHERE page = 'home' FOR UPDATE"));
        session.execute(cenote::write("UPDATE visits SET n = ? WHERE page = 'home'", seen[0].get<int>("n") + 1));
      });                                 // committed, or rolled back if anything has thrown
    } catch (const std::exception& err) { // database_error; an exception would end the process here
      std::cerr << "a visit was not counted: " << err.what() << '\n';
      code = 1;
    }
  };
  std::vector<std::jthread> visitors;
  for (int i = 0; i < 8; ++i)
    visitors.emplace_back(visit);
  visitors.clear(); // waits for them
  auto rows = db.execute(cenote::read("SELECT n FROM visits WHERE page = 'home'"));
  std::cout << rows[0].get<int>("n") << " visits\n";
  db.close();
  return code;
} catch (const std::exception& err) { // database_error, configuration_error
  std::cerr << err.what() << '\n';
  return 1;
}
