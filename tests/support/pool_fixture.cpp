#include "support/pool_fixture.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <utility>

namespace cenote::test {

namespace {

/// Whether the thread with this folder in /proc has stopped.
bool is_stopped(const std::filesystem::directory_entry& task) {
  std::ifstream file{task.path() / "stat"};
  std::string stat;
  std::getline(file, stat);
  // Its name, in parentheses, may contain anything.
  auto name_end = stat.rfind(')');
  return name_end == std::string::npos || stat.compare(name_end, 3, ") T") == 0;
}

} // namespace

pool_fixture::pool_fixture(std::vector<std::string> server_options) : server_owner{private_server{server_options}} {
  // nop
}

pool_fixture::~pool_fixture() {
  thaw();
}

const pool_actor& pool_fixture::admin() {
  if (!admin_) {
    auto rules = rules_for(1);
    rules.name = "admin";
    rules.prepared_statements = 0; // It looks at what others prepare.
    admin_ = start_full_pool(server.settings(), rules);
  }
  return *admin_;
}

std::vector<uint64_t> pool_fixture::sessions() {
  auto rows = must(admin(), read("SELECT ID FROM information_schema.PROCESSLIST"
                                 " WHERE ID <> CONNECTION_ID() AND COMMAND <> 'Daemon'"
                                 " AND USER <> 'unauthenticated user' ORDER BY ID"));
  std::vector<uint64_t> result;
  for (auto row : rows)
    result.push_back(row.get<uint64_t>(0));
  return result;
}

size_t pool_fixture::running(const std::string& pattern) {
  auto rows = must(admin(), read("SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                                 " WHERE ID <> CONNECTION_ID() AND INFO LIKE ?",
                                 pattern));
  return rows[0].get<size_t>(0);
}

void pool_fixture::await_running(const std::string& pattern, size_t count) {
  if (!eventually([&] { return running(pattern) == count; }))
    throw std::runtime_error{"never were there " + std::to_string(count) + " sessions running " + pattern};
}

void pool_fixture::end_session(uint64_t id) {
  must(admin(), write("KILL CONNECTION ?", id));
  if (!eventually([&] { return !std::ranges::binary_search(sessions(), id); }))
    throw std::runtime_error{"the killed session does not end"};
}

void pool_fixture::freeze() {
  kill(server.pid(), SIGSTOP);
  // Its threads stop one by one, each when it is interrupted.
  auto tasks = "/proc/" + std::to_string(server.pid()) + "/task";
  if (!eventually([&] { return std::ranges::all_of(std::filesystem::directory_iterator{tasks}, is_stopped); }))
    throw std::runtime_error{"the server does not freeze"};
}

void pool_fixture::thaw() {
  if (server.pid() != 0)
    kill(server.pid(), SIGCONT);
}

uint64_t pool_fixture::counter(const std::string& name) {
  auto rows = must(admin(), read("SELECT CAST(VARIABLE_VALUE AS UNSIGNED) FROM information_schema.GLOBAL_STATUS"
                                 " WHERE VARIABLE_NAME = ?",
                                 name));
  return rows[0].get<uint64_t>(0);
}

server_settings pool_fixture::plain_user(const std::string& name, const std::string& password) {
  must(admin(), write("CREATE USER ?@'%' IDENTIFIED BY ?", name, password));
  must(admin(), write("GRANT SELECT, INSERT, UPDATE, DELETE ON cenote.* TO ?@'%'", name));
  auto result = server.settings();
  result.user = name;
  result.password = secret{password};
  return result;
}

pool_settings rules_for(size_t size, size_t max_overflow) {
  pool_settings result;
  result.size = size;
  result.max_overflow = max_overflow;
  result.reconnect_delay = std::chrono::milliseconds{20};
  result.max_reconnect_delay = std::chrono::milliseconds{200};
  result.idle_timeout = std::chrono::milliseconds{100};
  return result;
}

statement which_session() {
  return read("SELECT CONNECTION_ID()");
}

} // namespace cenote::test
