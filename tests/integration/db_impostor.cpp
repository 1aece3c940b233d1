#include "integration/db_impostor.hpp"

#include <stdexcept>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cenote::test {

namespace {

constexpr uint32_t long_password = 0x1;
constexpr uint32_t connect_with_db = 0x8;
constexpr uint32_t local_files = 0x80;
constexpr uint32_t protocol_41 = 0x200;
constexpr uint32_t ssl = 0x800;
constexpr uint32_t secure_connection = 0x8000;
constexpr uint32_t plugin_auth = 0x8'0000;

void append_number(std::string& out, uint32_t x, int bytes) {
  for (int i = 0; i < bytes; ++i)
    out += static_cast<char>(x >> (8 * i));
}

} // namespace

impostor::impostor(std::function<void(impostor&)> script)
    : script_{std::move(script)}, listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 1) != 0
      || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread{[this] { serve(); }};
}

impostor::~impostor() {
  ending_ = true;
  received();
  ::close(listener_);
}

server_settings impostor::settings() const {
  server_settings result;
  result.port = port_;
  result.user = "alice";
  result.password = secret{"wonderland-7"};
  result.connect_timeout = std::chrono::seconds{1};
  return result;
}

const std::string& impostor::received() {
  if (thread_.joinable()) {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
  }
  return received_;
}

void impostor::serve() {
  client_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client_ == -1)
    return;
  script_(*this);
  if (!reading_) {
    pollfd hung_up{client_, 0, 0};
    while (::poll(&hung_up, 1, 10) == 0 && !ending_) {
      // Until the client, or the test, has gone.
    }
  }
  while (reading_ && read_bytes(1)) {
    // nop
  }
  ::close(client_);
}

bool impostor::read_bytes(size_t count) {
  std::string buffer(count, '\0');
  auto n = ::recv(client_, buffer.data(), count, MSG_WAITALL);
  if (n > 0)
    received_.append(buffer, 0, static_cast<size_t>(n));
  return n == static_cast<ssize_t>(count);
}

void impostor::read_packet() {
  if (!read_bytes(4))
    return;
  auto header = received_.substr(received_.size() - 4);
  auto byte = [&header](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(header[i])); };
  read_bytes(byte(0) | byte(1) << 8 | byte(2) << 16);
}

void impostor::write_packet(uint8_t number, std::string_view payload) {
  std::string packet;
  append_number(packet, static_cast<uint32_t>(payload.size()), 3);
  append_number(packet, number, 1);
  packet += payload;
  write_raw(packet);
}

bool impostor::write_raw(std::string_view bytes) {
  if (!dripping_)
    return ::send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0;
  for (auto& c : bytes) {
    pollfd hung_up{client_, POLLRDHUP, 0};
    if (::send(client_, &c, 1, MSG_NOSIGNAL) < 0 || ::poll(&hung_up, 1, 100) != 0)
      return false;
  }
  return true;
}

void impostor::answer_first_query() {
  write_packet(1, std::string_view{"\5"});
  for (uint8_t i = 0; i < 5; ++i)
    write_packet(static_cast<uint8_t>(2 + i),
                 std::string_view{"\3def\0\0\0\1a\1a\x0c\x2d\0\0\1\0\0\xfd\0\0\0\0\0", 24});
  write_packet(7, std::string_view{"\xfe\0\0\2\0", 5});
  write_packet(8, "\10"
                  "16777216\1"
                  "0\7utf8mb4\7utf8mb4\4NONE");
  write_packet(9, std::string_view{"\xfe\0\0\2\0", 5});
}

void impostor::greet(bool with_tls) {
  auto capabilities = long_password | connect_with_db | local_files | protocol_41 | secure_connection | plugin_auth;
  if (with_tls)
    capabilities |= ssl;
  std::string greeting = "\x0a";
  greeting += "10.11.0-impostor";
  greeting += '\0';
  append_number(greeting, 7, 4); // session number
  greeting += "12345678";
  greeting += '\0';
  append_number(greeting, capabilities & 0xffff, 2);
  append_number(greeting, 45, 1); // utf8mb4
  append_number(greeting, 2, 2);  // autocommit
  append_number(greeting, capabilities >> 16, 2);
  append_number(greeting, 21, 1);
  greeting.append(10, '\0');
  greeting += "123456789012";
  greeting += '\0';
  greeting += "mysql_native_password";
  greeting += '\0';
  write_packet(0, greeting);
}

void impostor::welcome(uint8_t number) {
  write_packet(number, std::string_view{"\0\0\0\x02\0\0\0", 7});
}

} // namespace cenote::test
