#include "pool/service_record.hpp"

#include <cassert>

namespace cenote::pool {

service_record::service_record(const pool_settings& rules) {
  numbers_.pool = rules.name;
  numbers_.pool_size = rules.size;
}

void service_record::granted(const request& request) {
  numbers_.served += !request.fail_fast;
}

void service_record::taken_back(const request& request) {
  assert(request.fail_fast || numbers_.served > 0);
  numbers_.served -= !request.fail_fast;
}

void service_record::refused(const request& request, errc code) {
  if (request.fail_fast)
    return;
  ++(code == errc::acquire_timeout ? numbers_.timed_out : code == errc::overloaded ? numbers_.shed : numbers_.refused);
}

void service_record::connected(bool is_stopped) {
  connect_error_.clear();
  numbers_.initialized = !is_stopped;
  ++numbers_.connects;
}

void service_record::connect_failed(const std::string& reason) {
  connect_error_ = reason;
  numbers_.last_error = reason;
}

void service_record::lost(const std::string& reason) {
  ++numbers_.lost;
  numbers_.last_error = reason;
}

} // namespace cenote::pool
