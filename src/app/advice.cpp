#include "app/advice.hpp"

#include "types/remedies.hpp"

namespace cenote::app {

namespace {

std::string numbered(const failure& x) {
  return std::to_string(x.number) + (x.sqlstate.empty() ? "" : " (" + x.sqlstate + ")");
}

} // namespace

std::string explain_no_connection(const failure& why) {
  if (why.code != errc::connect_failed && why.code != errc::login_refused)
    return to_string(why);
  auto& text = why.last_connect_error.empty() ? why.text : why.last_connect_error;
  auto [explanation, advice] = remedy_for(why.number, text);
  std::string out{explanation};
  out += ": " + text;
  if (why.number != 0)
    out += " [" + numbered(why) + "]";
  if (text.find(advice) == std::string::npos) // What a refused login says by itself.
    out.append("; ").append(advice);
  return out;
}

std::string explain_failed_statement(const failure& why) {
  if (why.number == 0)
    return to_string(why);
  auto out = numbered(why) + ": " + why.text;
  if (why.outcome == outcome::unknown)
    out += "; it may have been carried out";
  else if (why.outcome == outcome::rolled_back)
    out += "; it was rolled back";
  return out;
}

} // namespace cenote::app
