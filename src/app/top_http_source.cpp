#include "app/top_source.hpp"
#include "http/client.hpp"

#include <chrono>
#include <exception>
#include <utility>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// How long one answer may take.
constexpr auto patience = 2s;

class http_source : public top_source {
public:
  http_source(std::string url, std::string token) : url_{std::move(url)}, token_{std::move(token)} {
    // nop
  }

  /// Bears answers that are too large to be understood.
  top_view look() override {
    top_view out;
    try {
      out = read_answers(ask_all());
    } catch (const std::exception& err) {
      out.problem = std::string{"answers, but not in a way that can be understood: "} + err.what();
      out.state = "unreachable";
      out.state_reasons = {out.problem};
    }
    out.at = unix_time();
    out.url = url_;
    return out;
  }

  bool interrupt() override { return false; }

private:
  /// Who does not answer once is not asked for the rest.
  top_answers ask_all() const {
    auto gone = false;
    auto ask = [&](const char* path) {
      auto out = gone ? http::fetched{0, {}, "not asked for, because the answer before was missing"}
                      : http::fetch(url_ + path, path, patience, token_);
      gone = gone || out.status == 0;
      return out;
    };
    top_answers out;
    out.status = ask("/status");
    gone = gone || out.status.status != 200;
    out.history = ask("/status/history?samples=2");
    out.sessions = ask("/status/sessions");
    out.connections = ask("/status/connections");
    out.statements = ask("/status/statements");
    out.events = ask("/status/events");
    return out;
  }

  std::string url_;
  std::string token_;
};

} // namespace

std::shared_ptr<top_source> make_http_source(const std::string& url, const std::string& token) {
  return std::make_shared<http_source>(url, token);
}

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace cenote::app
