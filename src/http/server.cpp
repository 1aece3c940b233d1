#include "http/server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <list>
#include <map>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cenote::http {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// How often connections are checked for their age.
constexpr auto pace = 250ms;
constexpr auto backlog = 128;
/// How long a client that has closed its side may wait for its answer: libmicrohttpd does not always notice that a
/// client has gone.
constexpr auto half_closed_time = 1s;

/// A descriptor that is closed with this object.
class descriptor {
public:
  explicit descriptor(int fd) : fd_{fd} {
    // nop
  }
  descriptor(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0)
      close(fd_);
  }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

private:
  int fd_;
};

std::string last_problem() {
  return std::generic_category().message(errno);
}

std::string endpoint(const std::string& host, uint16_t port) {
  auto name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return name + ":" + std::to_string(port);
}

[[noreturn]] void refuse(const std::string& address) {
  auto advice = errno == EADDRINUSE ? "; another program has this port: set http.listen to a free one, or to off"
                : errno == EACCES   ? "; ports below 1024 need a privilege: set http.listen to another one"
                : errno == EADDRNOTAVAIL
                    ? "; this machine does not have the address: set http.listen to one that it has"
                    : "";
  throw server_error{"cannot answer HTTP at " + address + ": " + last_problem() + advice};
}

bool has_gone(int fd) {
  pollfd state{fd, POLLRDHUP, 0};
  return poll(&state, 1, 0) == 1;
}

int listening_socket(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (auto rc = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); rc != 0)
    throw server_error{"cannot answer HTTP at " + endpoint(host, port) + ": " + gai_strerror(rc)};
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard{found, freeaddrinfo};
  descriptor fd{socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  int yes = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (fd.get() < 0 || bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || listen(fd.get(), backlog) != 0)
    refuse(endpoint(host, port));
  return fd.release();
}

uint16_t port_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  char port[8] = {};
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0
      || getnameinfo(reinterpret_cast<sockaddr*>(&address), size, nullptr, 0, port, sizeof(port), NI_NUMERICSERV) != 0)
    return 0;
  uint16_t out = 0;
  std::from_chars(port, port + std::strlen(port), out);
  return out;
}

std::string host_of(const sockaddr& address) {
  char host[NI_MAXHOST] = {};
  auto size = static_cast<socklen_t>(address.sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
  getnameinfo(&address, size, host, sizeof(host), nullptr, 0, NI_NUMERICHOST);
  return host;
}

std::string header(MHD_Connection* connection, const char* name) {
  auto value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value != nullptr ? value : "";
}

/// Decodes nothing: the existing paths do not need it.
size_t keep_escapes(void*, MHD_Connection*, char* text) {
  return std::strlen(text);
}

MHD_Result add_to_query(void* to, MHD_ValueKind, const char* key, const char* value) {
  try {
    static_cast<request*>(to)->query.emplace_back(key, value != nullptr ? value : "");
    return MHD_YES;
  } catch (...) {
    return MHD_NO; // No memory: the handler sees a part of it.
  }
}

request make_request(MHD_Connection* connection, const char* path, const char* method) {
  request out;
  out.method = method;
  out.path = path;
  out.accept = header(connection, MHD_HTTP_HEADER_ACCEPT);
  out.authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
  out.host = header(connection, MHD_HTTP_HEADER_HOST);
  out.origin = header(connection, MHD_HTTP_HEADER_ORIGIN);
  out.if_none_match = header(connection, MHD_HTTP_HEADER_IF_NONE_MATCH);
  MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_to_query, &out);
  return out;
}

/// What every answer has, unless it says otherwise: it is shown nowhere but to who has asked.
constexpr std::pair<const char*, const char*> usual_headers[] = {
    {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

MHD_Result send(MHD_Connection* connection, const response& reply) {
  auto lasts = !reply.document.empty();
  auto body = lasts ? reply.document : std::string_view{reply.body};
  auto raw = MHD_create_response_from_buffer(body.size(), const_cast<char*>(body.data()),
                                             lasts ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
  if (raw == nullptr)
    return MHD_NO;
  std::unique_ptr<MHD_Response, decltype(&MHD_destroy_response)> guard{raw, MHD_destroy_response};
  MHD_add_response_header(raw, MHD_HTTP_HEADER_CONTENT_TYPE, reply.type.c_str());
  MHD_add_response_header(raw, MHD_HTTP_HEADER_CONNECTION, "close");
  for (auto& [name, value] : reply.headers)
    MHD_add_response_header(raw, name.c_str(), value.c_str());
  for (auto& [name, value] : usual_headers)
    if (MHD_get_response_header(raw, name) == nullptr)
      MHD_add_response_header(raw, name, value);
  return MHD_queue_response(connection, static_cast<unsigned>(reply.status), raw);
}

} // namespace

struct server::impl {
  /// A connection, and when it was accepted.
  struct client {
    int fd;
    std::string address;
    clock::time_point came;
    bool ended = false;
  };

  impl(const std::string& host, uint16_t port, handler to_answer, limits bounds)
      : answer{std::move(to_answer)}, granted{bounds}, wake{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)} {
    descriptor fd{listening_socket(host, port)};
    bound = port_of(fd.get());
    daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, nullptr, nullptr, &impl::on_request, this, MHD_OPTION_LISTEN_SOCKET,
                              fd.get(), MHD_OPTION_CONNECTION_LIMIT, granted.connections, MHD_OPTION_CONNECTION_TIMEOUT,
                              static_cast<unsigned>(std::max<int64_t>(1, granted.lifetime / 1s)),
                              MHD_OPTION_CONNECTION_MEMORY_LIMIT, granted.memory, MHD_OPTION_UNESCAPE_CALLBACK,
                              &keep_escapes, nullptr, MHD_OPTION_NOTIFY_CONNECTION, &impl::on_connection, this,
                              MHD_OPTION_END);
    if (daemon == nullptr || wake.get() < 0)
      refuse(endpoint(host, port));
    fd.release(); // The daemon closes it.
    thread = std::thread{[this] { run(); }};
  }

  ~impl() {
    if (thread.joinable()) {
      eventfd_write(wake.get(), 1);
      thread.join();
    }
    if (daemon != nullptr)
      MHD_stop_daemon(daemon);
  }

  // -- the thread --------------------------------------------------------------------

  void run() {
    auto info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    std::array<pollfd, 2> ready{pollfd{info->epoll_fd, POLLIN, 0}, pollfd{wake.get(), POLLIN, 0}};
    while (ready[1].revents == 0) {
      MHD_UNSIGNED_LONG_LONG wait = 0;
      auto limited = MHD_get_timeout(daemon, &wait) == MHD_YES;
      auto longest = static_cast<MHD_UNSIGNED_LONG_LONG>(pace.count());
      poll(ready.data(), ready.size(), static_cast<int>(limited ? std::min(wait, longest) : longest));
      MHD_run(daemon);
      end_old_clients();
    }
  }

  /// A client that sends a byte from time to time is never idle: only this ends it.
  void end_old_clients() {
    auto now = clock::now();
    for (auto& connection : clients) {
      auto gone = now - connection.came > half_closed_time && has_gone(connection.fd);
      if (gone || now - connection.came > granted.lifetime)
        end(connection);
    }
  }

  static void end(client& connection) {
    if (!std::exchange(connection.ended, true))
      shutdown(connection.fd, SHUT_RDWR);
  }

  /// See `limits::connections`.
  void make_room() {
    std::map<std::string_view, size_t> per_address;
    size_t open = 0;
    for (auto& connection : clients)
      if (!connection.ended) {
        ++per_address[connection.address];
        ++open;
      }
    if (open < granted.connections - granted.connections / 4)
      return;
    size_t most = 0;
    for (auto& [address, count] : per_address)
      most = std::max(most, count);
    // The list is in the order in which they came.
    end(*std::ranges::find_if(
        clients, [&](auto& connection) { return !connection.ended && per_address[connection.address] == most; }));
  }

  // -- callbacks: nothing may be thrown through C ------------------------------------

  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode notification) {
    auto& my = *static_cast<impl*>(self);
    using position = std::list<client>::iterator;
    if (notification == MHD_CONNECTION_NOTIFY_CLOSED) {
      std::unique_ptr<position> position_in_list{static_cast<position*>(std::exchange(*context, nullptr))};
      if (position_in_list != nullptr)
        my.clients.erase(*position_in_list);
      return;
    }
    auto fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    try {
      my.make_room();
      auto address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
      auto position_in_list = std::make_unique<position>();
      *position_in_list = my.clients.insert(my.clients.end(), client{fd, host_of(*address), clock::now()});
      *context = position_in_list.release();
    } catch (...) {
      shutdown(fd, SHUT_RDWR); // No memory to track it.
    }
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path, const char* method,
                               const char*, const char*, size_t* body_size, void** context) {
    try {
      return static_cast<impl*>(self)->on_request(connection, path, method, body_size, context);
    } catch (...) {
      return MHD_NO; // Closes the connection.
    }
  }

  /// Called once for the headers, then for each part of the body, then for its end.
  MHD_Result on_request(MHD_Connection* connection, const char* path, const char* method, size_t* body_size,
                        void** context) const {
    if (*context == nullptr) {
      *context = const_cast<impl*>(this); // Any value: the headers were seen.
      if (!header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING).empty())
        return send(connection, line(411, "the length of the body is required: send it without Transfer-Encoding"));
      auto length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
      if (!length.empty() && !is_short(length))
        return send(connection, line(413, "the body is too large: nothing here needs one"));
      return MHD_YES;
    }
    if (*body_size > 0) {
      *body_size = 0;
      return MHD_YES;
    }
    return send(connection, answer(make_request(connection, path, method)));
  }

  bool is_short(std::string_view length) const {
    size_t bytes = 0;
    auto [rest, error] = std::from_chars(length.data(), length.data() + length.size(), bytes);
    return error == std::errc{} && rest == length.data() + length.size() && bytes <= granted.body;
  }

  handler answer;
  limits granted;
  descriptor wake; ///< Readable when the thread has to end.
  uint16_t bound = 0;
  MHD_Daemon* daemon = nullptr;
  std::list<client> clients; ///< Used by the thread only, except at the end.
  std::thread thread;
};

server::server(const std::string& host, uint16_t port, handler answer, limits bounds)
    : impl_{std::make_unique<impl>(host, port, std::move(answer), bounds)} {
  // nop
}

server::~server() = default;

uint16_t server::port() const noexcept {
  return impl_->bound;
}

} // namespace cenote::http
