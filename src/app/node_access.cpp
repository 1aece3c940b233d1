#include "app/node_access.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace cenote::app {

namespace {

using namespace std::chrono_literals;

/// Longest wait for a node. A handshake with one far away takes a few round trips.
constexpr auto patience = 5s;

/// A word of a failure's text, and what to look at then. The first that matches counts.
struct hint {
  std::string_view word;
  std::string_view advice;
};

constexpr std::array hints{
    hint{"token", "does remote.token-file hold the same as the node's node.token-file?"},
    hint{"certificate", "are remote.certificate and remote.ca of the same CA as the node's, and still valid?"},
    hint{"tls", "are remote.certificate, remote.key and remote.ca set, and those of the node as well?"},
    hint{"version", "is the same version of cenote installed here and there?"},
    hint{"refused", "does 'cenote serve' run there, with node.listen at this port and not at 127.0.0.1 only?"},
};
constexpr std::string_view other_advice = "does 'cenote serve' run there, with node.listen at this port, and is it "
                                          "reached from here?";

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string_view advice_for(const std::string& text) {
  auto lower = lower_case(text);
  auto found = std::ranges::find_if(hints, [&](auto& x) { return lower.find(x.word) != std::string::npos; });
  return found == hints.end() ? other_advice : found->advice;
}

} // namespace

remote_settings for_one_command(const job& x) {
  auto out = x.how.remote;
  if (!x.opts.settings.contains("remote.timeout"))
    out.timeout = std::min<std::chrono::nanoseconds>(out.timeout, patience);
  return out;
}

std::optional<std::string> find_node_problem(pool_host& host, const remote_settings& nodes) {
  // Asks nothing of the database.
  auto status = host.ask<pool_status>(status_atom_v);
  return status ? std::nullopt : std::optional{explain_no_node(status.error(), nodes)};
}

std::string with_advice(const failure& why) {
  auto out = why.last_connect_error.empty() ? why.text : why.last_connect_error;
  auto has_advice = out.find('?') != std::string::npos || out.find("; ") != std::string::npos;
  return has_advice ? out : out.append("; ").append(advice_for(out));
}

std::string explain_no_node(const failure& why, const remote_settings& nodes) {
  return "no pool node can be used at " + nodes.nodes + ": " + with_advice(why);
}

} // namespace cenote::app
