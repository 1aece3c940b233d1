#include "support/raw_tls.hpp"

#include <csignal>
#include <stdexcept>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace cenote::test {

struct raw_tls::state {
  explicit state(net::unique_fd fd) : socket{std::move(fd)} {
    // nop
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;
  ~state() {
    ::shutdown(socket.get(), SHUT_RDWR);
    if (thread.joinable())
      thread.join();
    SSL_free(ssl);
    SSL_CTX_free(context);
  }

  void run(bool node) {
    sigset_t pipe; // OpenSSL writes without MSG_NOSIGNAL.
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    if ((node ? SSL_accept(ssl) : SSL_connect(ssl)) == 1) {
      char buffer[256];
      while (SSL_read(ssl, buffer, sizeof(buffer)) > 0) {
        // nop
      }
    }
    ERR_clear_error();
  }

  net::unique_fd socket;
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
  std::thread thread;
};

raw_tls::raw_tls(net::unique_fd socket, const options& how) : state_{std::make_unique<state>(std::move(socket))} {
  auto& x = *state_;
  ::fcntl(x.socket.get(), F_SETFL, ::fcntl(x.socket.get(), F_GETFL) & ~O_NONBLOCK);
  x.context = SSL_CTX_new(how.node ? TLS_server_method() : TLS_client_method());
  if (how.tls_1_2)
    SSL_CTX_set_max_proto_version(x.context, TLS1_2_VERSION);
  if (!how.certificate.empty()
      && (SSL_CTX_use_certificate_chain_file(x.context, how.certificate.c_str()) != 1
          || SSL_CTX_use_PrivateKey_file(x.context, how.key.c_str(), SSL_FILETYPE_PEM) != 1))
    throw std::runtime_error{"OpenSSL does not take the certificate " + how.certificate};
  if (how.node) // Asks for a certificate, whatever it is.
    SSL_CTX_set_verify(x.context, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  x.ssl = SSL_new(x.context);
  SSL_set_fd(x.ssl, x.socket.get());
  x.thread = std::thread{[&x, node = how.node] { x.run(node); }};
}

raw_tls::~raw_tls() = default;

void raw_tls::wait() {
  if (state_->thread.joinable())
    state_->thread.join();
}

} // namespace cenote::test
