#include "support/hostile_server.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>
#include <system_error>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cenote::test {

namespace {

using packets = std::vector<std::string>;

constexpr uint32_t capabilities = 0x1 | 0x8 | 0x200 | 0x2000 | 0x8000 | 0x1'0000 | 0x2'0000 | 0x8'0000;
constexpr int autocommit = 0x2;
constexpr int more_results_exist = 0x8;

void append_number(std::string& out, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(number >> (8 * i));
}

void append_text(std::string& out, std::string_view text) {
  append_number(out, text.size(), 1); // Below 251.
  out += text;
}

std::string greeting(uint32_t session) {
  std::string out = "\x0a";
  out += "5.5.5-10.11.0-MariaDB";
  out += '\0';
  append_number(out, session, 4);
  out += "12345678";
  out += '\0';
  append_number(out, capabilities & 0xffff, 2);
  append_number(out, 45, 1); // utf8mb4
  append_number(out, autocommit, 2);
  append_number(out, capabilities >> 16, 2);
  append_number(out, 21, 1);
  out.append(10, '\0');
  out += "123456789012";
  out += '\0';
  out += "mysql_native_password";
  out += '\0';
  return out;
}

std::string ok(int status = autocommit) {
  std::string out(3, '\0');
  append_number(out, static_cast<uint64_t>(status), 2);
  append_number(out, 0, 2);
  return out;
}

std::string end_of(int status) {
  std::string out = "\xfe";
  append_number(out, 0, 2);
  append_number(out, static_cast<uint64_t>(status), 2);
  return out;
}

std::string column(std::string_view name, int type) {
  std::string out;
  for (auto text : {std::string_view{"def"}, std::string_view{}, std::string_view{}, std::string_view{}, name, name})
    append_text(out, text);
  append_number(out, 12, 1);
  append_number(out, type == 253 ? 45 : 63, 2);
  append_number(out, 1000, 4);
  append_number(out, static_cast<uint64_t>(type), 1);
  append_number(out, 0, 2);
  append_number(out, 0, 1);
  append_number(out, 0, 2);
  return out;
}

/// A result set of texts and numbers: types 253 and 8.
void add_set(packets& out, const std::vector<int>& types, const std::vector<std::vector<std::string>>& rows,
             bool more) {
  auto status = autocommit | (more ? more_results_exist : 0);
  out.emplace_back(1, static_cast<char>(types.size()));
  for (size_t i = 0; i < types.size(); ++i)
    out.push_back(column("c" + std::to_string(i), types[i]));
  out.push_back(end_of(autocommit));
  for (auto& cells : rows) {
    std::string row;
    for (auto& cell : cells)
      append_text(row, cell);
    out.push_back(std::move(row));
  }
  out.push_back(end_of(status));
}

constexpr char com_prepare = 22;
constexpr char com_execute = 23;
constexpr char com_close = 25;

/// The ids of prepared statements: those of the second are forgotten at once.
constexpr char remembered = 1;
constexpr char forgotten = 2;

/// A statement of three columns.
void add_prepared(packets& out, std::string_view sql) {
  auto parameters = static_cast<uint64_t>(std::ranges::count(sql, '?'));
  std::string head(1, '\0');
  append_number(head, static_cast<uint64_t>(sql.find("forgotten") != std::string_view::npos ? forgotten : remembered),
                4);
  append_number(head, 3, 2);
  append_number(head, parameters, 2);
  append_number(head, 0, 3);
  out.push_back(std::move(head));
  for (uint64_t i = 0; i < parameters; ++i)
    out.push_back(column("?", 253));
  if (parameters > 0)
    out.push_back(end_of(autocommit));
  for (auto i = 0; i < 3; ++i)
    out.push_back(column("c" + std::to_string(i), i == 1 ? 253 : 8));
  out.push_back(end_of(autocommit));
}

/// Three rows of its columns.
void add_executed(packets& out, char id) {
  if (id == forgotten) {
    out.emplace_back("\xff\xdb\x04#HY000Unknown prepared statement handler"); // 1243
    return;
  }
  add_set(out, {8, 253, 8}, {}, false);
  for (uint64_t i = 1; i <= 3; ++i) {
    std::string row(2, '\0'); // A marker, and no NULLs.
    append_number(row, i, 8);
    append_text(row, "text");
    append_number(row, ~i, 8);
    out.insert(out.end() - 1, std::move(row));
  }
}

/// @returns nothing if there is none.
packets answer(std::string_view command, uint32_t session) {
  packets out;
  auto sql = command.substr(1);
  if (command.front() == com_close) {
    return out;
  } else if (command.front() == com_prepare) {
    add_prepared(out, sql);
  } else if (command.front() == com_execute && command.size() > 1) {
    add_executed(out, command[1]);
  } else if (command.front() != 3) { // Not a query: a ping, a reset.
    out.push_back(ok());
  } else if (sql.find("@@max_allowed_packet") != std::string_view::npos) {
    add_set(out, {8, 8, 253, 253, 253, 8, 253, 8, 253, 8},
            {{"16777216", "0", "utf8mb4", "utf8mb4", "NONE", std::to_string(session), "a hostile server", "1700000000",
              "alice@127.0.0.1:1", "100"}},
            false);
  } else if (sql.starts_with("SELECT CONCAT_WS")) {
    add_set(out, {253, 8, 253}, {{"a hostile server", "1700000000", "alice@127.0.0.1:1"}}, false);
  } else if (sql.starts_with("SELECT VERSION()")) {
    add_set(out, {253, 8}, {{"10.11.0-hostile", std::to_string(session)}}, false);
  } else if (sql.starts_with("BEGIN NOT ATOMIC")) {
    add_set(out, {8, 8, 8}, {{"1", "7", "0"}}, true);
    add_set(out, {8, 253}, {{"1", "one"}, {"2", "two"}}, true);
    add_set(out, {8}, {{"0"}}, true); // How many warnings the SELECT had.
    out.push_back(ok());
  } else if (sql.starts_with("SELECT")) {
    add_set(out, {8, 253, 8}, {{"1", "one", "-1"}, {"2", "two", "-2"}, {"3", "three", "-3"}}, false);
  } else {
    out.push_back(ok());
  }
  return out;
}

/// Damages replies in a given way, at random places.
class vandal {
public:
  explicit vandal(uint64_t seed) : dice_{seed} {
    // nop
  }

  size_t below(size_t n) { return n == 0 ? 0 : std::uniform_int_distribution<size_t>{0, n - 1}(dice_); }

  damage choose() { return static_cast<damage>(1 + below(damages - 1)); }

  /// @returns the bytes to send.
  std::string spoil(damage kind, packets reply, uint8_t number) {
    auto place = below(reply.size());
    auto& packet = reply[place];
    std::optional<size_t> lie;
    std::optional<uint8_t> other_number;
    switch (kind) {
    case damage::none:
      break;
    case damage::flip_bits:
      for (auto n = 1 + below(8); n > 0 && !packet.empty(); --n)
        packet[below(packet.size())] ^= static_cast<char>(1 << below(8));
      break;
    case damage::truncate:
      packet.resize(below(packet.size() + 1));
      break;
    case damage::lie_about_length:
      lie = below(4) == 0 ? below(0xff'ffff) : below(2 * packet.size() + 2);
      break;
    case damage::wrong_number:
      other_number = static_cast<uint8_t>(below(256));
      break;
    case damage::drop:
      reply.erase(reply.begin() + static_cast<ptrdiff_t>(place));
      break;
    case damage::duplicate: {
      auto copy = packet;
      reply.insert(reply.begin() + static_cast<ptrdiff_t>(place), 1 + below(3), copy);
      break;
    }
    case damage::swap:
      std::swap(packet, reply[below(reply.size())]);
      break;
    case damage::null_cells:
      if (is_data(reply, place))
        packet = with_nulls(packet);
      break;
    case damage::other_lengths:
      if (!packet.empty())
        packet[below(packet.size())] = static_cast<char>(0xf0 + below(16));
      break;
    case damage::random_packet:
      packet.resize(below(300));
      for (auto& c : packet)
        c = static_cast<char>(below(256));
      break;
    case damage::error_packet:
      packet = "\xff";
      append_number(packet, below(2) == 0 ? 1000 + below(5000) : below(65'536), 2);
      packet += "#HY000a lie";
      break;
    case damage::more_results:
      if (reply.back().size() >= 5)
        reply.back()[3] = static_cast<char>(reply.back()[3] | more_results_exist);
      break;
    case damage::other_types:
      for (auto& definition : reply)
        if (definition.size() > 13 && definition.starts_with("\3def")) {
          definition[definition.size() - 6] = static_cast<char>(below(256));
          definition[definition.size() - 12] = static_cast<char>(below(256));
        }
      break;
    case damage::other_column_count:
      reply.front() = std::string(1, static_cast<char>(below(251)));
      break;
    case damage::hang_up:
      break;
    }
    std::string out;
    for (size_t i = 0; i < reply.size(); ++i) {
      append_number(out, lie && i == place ? *lie : reply[i].size(), 3);
      out += static_cast<char>(other_number && i == place ? *other_number : number);
      ++number;
      out += reply[i];
    }
    if (kind == damage::hang_up)
      out.resize(below(out.size()));
    return out;
  }

private:
  std::string with_nulls(const std::string& row) {
    std::string out;
    for (size_t i = 0; i < row.size();) {
      auto whole = 1 + static_cast<size_t>(static_cast<unsigned char>(row[i]));
      out += below(2) == 0 ? "\xfb" : row.substr(i, whole);
      i += whole;
    }
    return out;
  }

  /// A row, not a description of columns.
  static bool is_data(const packets& reply, size_t place) {
    return reply.size() > 3 && !reply[place].starts_with("\xfe") && place > 0;
  }

  std::mt19937_64 dice_;
};

bool read_all(int socket, char* buffer, size_t size) {
  return ::recv(socket, buffer, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

} // namespace

/// One client.
struct hostile_server::session {
  hostile_server& server;
  int socket;
  uint32_t id;
  vandal dice;
  size_t spoiled_reply; ///< Counted from 1; zero: none.
  size_t replies = 0;

  /// @returns whether the session goes on.
  bool reply(const packets& reply_packets, uint8_t number) {
    auto kind = damage::none;
    if (++replies == spoiled_reply)
      server.last_damage_ = kind = dice.choose();
    auto bytes = dice.spoil(kind, reply_packets, number);
    ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (kind != damage::none)
      ::shutdown(socket, SHUT_WR);
    return kind == damage::none;
  }

  std::optional<std::string> read_packet() {
    unsigned char head[4];
    if (!read_all(socket, reinterpret_cast<char*>(head), sizeof(head)))
      return std::nullopt;
    std::string out(head[0] | head[1] << 8 | head[2] << 16, '\0');
    if (!read_all(socket, out.data(), out.size()))
      return std::nullopt;
    return out;
  }

  void run() {
    auto goes_on = reply({greeting(id)}, 0);
    if (goes_on && read_packet())
      goes_on = reply({ok()}, 2);
    while (auto command = read_packet()) {
      if (command->empty() || command->front() == 1) // COM_QUIT
        return;
      if (auto all = answer(*command, id); goes_on && !all.empty())
        goes_on = reply(all, 1);
    }
  }
};

hostile_server::hostile_server() : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, raw, size) != 0 || ::listen(listener_, 128) != 0 || ::getsockname(listener_, raw, &size) != 0)
    throw std::system_error{errno, std::generic_category(), "cannot listen"};
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread{[this] { run(); }};
}

hostile_server::~hostile_server() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  std::unique_lock guard{mutex_};
  for (auto fd : open_)
    ::shutdown(fd, SHUT_RDWR);
  changed_.wait(guard, [this] { return open_.empty(); });
  ::close(listener_);
}

server_settings hostile_server::settings() const {
  server_settings result;
  result.port = port_;
  result.user = "alice";
  result.password = secret{"wonderland-7"};
  result.connect_timeout = std::chrono::seconds{5};
  return result;
}

void hostile_server::be_hostile(uint64_t seed, size_t max_replies) {
  seed_ = seed;
  max_replies_ = max_replies;
}

void hostile_server::run() {
  for (;;) {
    auto socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket == -1)
      return;
    auto id = ++last_session_;
    vandal dice{seed_ + (max_replies_ == 0 ? 0 : id * uint64_t{1'000'003})};
    auto spoiled = max_replies_ == 0 ? 0 : 1 + dice.below(max_replies_);
    std::lock_guard guard{mutex_};
    open_.push_back(socket);
    // Detached, because there are thousands, and those that have ended would keep their stacks.
    std::thread{[this, client = session{*this, socket, id, dice, spoiled}]() mutable {
      client.run();
      std::lock_guard closing{mutex_};
      std::erase(open_, client.socket);
      ::close(client.socket);
      changed_.notify_all();
    }}.detach();
  }
}

} // namespace cenote::test
