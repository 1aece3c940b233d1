#include "pool/service_record.hpp"

#include <cassert>

namespace cenote::pool {

service_record::service_record(const pool_settings& rules) {
  numbers_.pool = rules.name;
  numbers_.pool_size = rules.size;
}

void service_record::granted(const request& x) {
  numbers_.served += !x.fail_fast;
}

void service_record::taken_back(const request& x) {
  assert(x.fail_fast || numbers_.served > 0);
  numbers_.served -= !x.fail_fast;
}

void service_record::refused(const request& x, errc why) {
  if (x.fail_fast)
    return;
  ++(why == errc::acquire_timeout ? numbers_.timed_out : why == errc::overloaded ? numbers_.shed : numbers_.refused);
}

void service_record::connected(bool is_stopped) {
  connect_error_.clear();
  numbers_.initialized = !is_stopped;
  ++numbers_.connects;
}

void service_record::connect_failed(const std::string& why) {
  connect_error_ = why;
  numbers_.last_error = why;
}

void service_record::lost(const std::string& why) {
  ++numbers_.lost;
  numbers_.last_error = why;
}

} // namespace cenote::pool
