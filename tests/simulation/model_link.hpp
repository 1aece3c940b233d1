#pragma once

#include "db/server_link.hpp"
#include "simulation/wire.hpp"

#include <deque>
#include <optional>
#include <vector>

namespace cenote::simulation {

/// A client's connection with the model of a server, in place of `db::connection`.
class model_link : public db::server_link {
public:
  /// @param path a connection that has been accepted; outlives the link.
  model_link(wire& path, bool is_mariadb) : wire_{path}, is_mariadb_{is_mariadb} {
    // nop
  }

  ~model_link() override { wire_.close(); }

  bool is_mariadb() const noexcept override { return is_mariadb_; }
  bool alive() const noexcept override;
  db::progress start_ping() override;
  db::progress start_execute(const statement& request) override;
  db::progress start_compound(const transaction& request) override;
  db::progress start_reset() override;
  db::progress resume(bool readable, bool writable) override;
  tl::expected<result, db::driver_error> take() override;
  tl::expected<std::vector<result>, db::driver_error> take_compound() override;
  std::optional<db::driver_error> send(const statement& request) override;
  bool can_send() const noexcept override;
  void flush() override;
  db::progress next() override;
  size_t unsent() const noexcept override { return to_send_.size(); }
  bool in_transaction() const noexcept override { return in_transaction_; }
  bool has_open_transaction() const noexcept override { return in_transaction_; }
  bool is_touched() const noexcept override { return touched_; }
  bool lacks_database() const noexcept override { return false; }
  bool usable() const noexcept override;

private:
  enum class state : uint8_t {
    idle,
    sending, ///< One alone: not handed over yet.
    waiting, ///< For the next answer.
    done,    ///< The outcome is to be taken.
  };

  db::progress start(server_request request);
  db::progress hand_over();
  db::progress read();
  db::progress finish(server_reply reply);
  db::progress fail(db::phase when, uint32_t number, const char* text);
  void take_outcome();

  wire& wire_;
  bool is_mariadb_;
  state state_ = state::idle;
  server_request::kind kind_ = server_request::kind::statement;
  std::deque<server_request> to_send_; ///< Requests that the system has not accepted yet.
  size_t in_flight_ = 0;               ///< Sent, or to be sent, and not taken.
  std::deque<server_reply> read_;      ///< Answers that were read together with one before them.
  bool in_answer_ = false;             ///< The beginning of an answer has been read.

  std::vector<result_set> sets_;
  std::optional<db::driver_error> error_;
  bool lost_ = false;
  bool in_transaction_ = false;
  bool touched_ = false;
};

} // namespace cenote::simulation
