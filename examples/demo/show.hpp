#pragma once

#include "app/embedded_server.hpp"
#include "cenote/pool.hpp"
#include "demo/audit.hpp"
#include "demo/display.hpp"
#include "demo/manga.hpp"
#include "demo/scraper.hpp"
#include "demo/tally.hpp"

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

namespace demo {

/// The options of the command line.
struct options {
  uint32_t seconds = 10;
  uint32_t actors = 200;
};

/// The demo: a pool, its users, and the code that cuts its connections and kills its server.
class show {
public:
  /// @param server is ours: tables are made there, sessions and the server itself killed.
  show(caf::actor_system& sys, cenote::app::embedded_server& server, const options& opts);
  show(const show&) = delete;
  ~show();

  /// Runs it all, up to the summary.
  /// @returns whether everything went well.
  bool run(const std::stop_token& cancel);

private:
  using clock = std::chrono::steady_clock;

  void prepare();
  void start_scrapers(const std::vector<manga>& rows);
  void watch(const std::stop_token& cancel);
  void cut_all_connections();
  void kill_the_server(const std::stop_token& cancel);
  void await_answers(clock::time_point since, const std::string& addition);
  std::vector<ledger> collect_promises();
  void summarise(const classification& found, const std::vector<ledger>& promises);

  caf::actor_system& sys_;
  cenote::app::embedded_server& server_;
  cenote::settings settings_;
  options options_;
  display screen_;
  tally_ptr counters_ = std::make_shared<tally>();
  cenote::pool_actor pool_;
  cenote::pool_actor control_; ///< For statements that must not go through the pool under test.
  cenote::pool_actor retrier_;
  std::vector<scraper_actor> scrapers_;
  double seconds_ = 0;  ///< How long the scrapers have worked.
  size_t cut_ = 0;      ///< Connections cut from the server's side.
  bool killed_ = false; ///< The server was, and is back.
};

} // namespace demo
