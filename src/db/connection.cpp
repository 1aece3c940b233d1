#include "db/connection.hpp"

#include "db/compound.hpp"
#include "db/connection_impl.hpp"

#include <algorithm>

#include <poll.h>

#include <errmsg.h>

namespace cenote::db {

connection::connection(std::unique_ptr<impl> state) noexcept : impl_{std::move(state)} {
  // nop
}

connection::connection(connection&&) noexcept = default;

connection& connection::operator=(connection&&) noexcept = default;

connection::~connection() = default;

int connection::socket() const noexcept {
  return mysql_get_socket(impl_->session.get());
}

uint64_t connection::server_id() const noexcept {
  return mysql_thread_id(impl_->session.get());
}

const server_session& connection::identity() const noexcept {
  return impl_->identity;
}

const std::string& connection::server_version() const noexcept {
  return impl_->version;
}

bool connection::is_mariadb() const noexcept {
  return mariadb_connection(impl_->session.get()) != 0;
}

bool connection::uses_tls() const noexcept {
  return impl_->tls;
}

bool connection::is_read_only() const noexcept {
  return impl_->read_only;
}

bool connection::alive() const noexcept {
  if (!usable())
    return false;
  // Between operations the server sends nothing: whatever arrives is its goodbye, or out of step.
  pollfd descriptor{socket(), POLLIN | POLLRDHUP, 0};
  return ::poll(&descriptor, 1, 0) == 0;
}

progress connection::start_ping() {
  return impl_->start_ping();
}

progress connection::start_execute(const statement& request) {
  return impl_->start_execute(request);
}

progress connection::start_compound(const transaction& request) {
  return impl_->start_compound(request);
}

progress connection::start_reset() {
  return impl_->start_reset();
}

std::optional<driver_error> connection::send(const statement& request) {
  return impl_->send(request);
}

bool connection::can_send() const noexcept {
  return impl_->can_send();
}

void connection::flush() {
  impl_->flush();
}

progress connection::next() {
  return impl_->next();
}

void connection::keep_prepared(size_t max) {
  impl_->keep_prepared(max);
}

preparations connection::prepared() const noexcept {
  return impl_->prepared_so_far;
}

size_t connection::unsent() const noexcept {
  return impl_->unsent();
}

bool connection::in_transaction() const noexcept {
  auto status = impl_->session->server_status;
  return has_open_transaction() || (status & SERVER_STATUS_AUTOCOMMIT) == 0;
}

bool connection::has_open_transaction() const noexcept {
  return (impl_->session->server_status & SERVER_STATUS_IN_TRANS) != 0;
}

progress connection::resume(bool readable, bool writable) {
  return impl_->resume((readable ? MYSQL_WAIT_READ : 0) | (writable ? MYSQL_WAIT_WRITE : 0));
}

tl::expected<result, driver_error> connection::take() {
  return impl_->take();
}

tl::expected<std::vector<result>, driver_error> connection::take_compound() {
  const auto& give_rows = impl_->compound_gives_rows;
  auto all = impl_->take();
  if (!all) {
    // The warning counts are a result set of our own.
    all.error().complete_sets = std::min(all.error().complete_sets, give_rows.size());
    return tl::unexpected{std::move(all.error())};
  }
  auto complete_sets = all->columns().empty() ? 0 : std::min(1 + all->more().size(), give_rows.size());
  if (auto each = results_of_compound(std::move(*all), give_rows))
    return std::move(*each);
  return tl::unexpected{driver_error{
      error_source::server, phase::waiting, CR_MALFORMED_PACKET, "HY000",
      "the server's answer is malformed: a transaction has other results than its statements", complete_sets}};
}

bool connection::is_touched() const noexcept {
  return impl_->touched;
}

bool connection::lacks_database() const noexcept {
  return impl_->lacks_database;
}

bool connection::usable() const noexcept {
  return impl_->usable();
}

} // namespace cenote::db
