#define CAF_SUITE db.tls

#include "integration/db_impostor.hpp"
#include "integration/db_support.hpp"
#include "support/server.hpp"

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include <openssl/err.h>

#include <caf/test/bdd_dsl.hpp>

using namespace cenote;
using namespace cenote::test;
using namespace std::chrono_literals;

namespace {

void shell(const std::string& command) {
  if (std::system((command + " >/dev/null 2>&1").c_str()) != 0)
    throw std::runtime_error("failed: " + command);
}

/// A private server with a certificate for 127.0.0.1 and localhost, signed by an authority that is made for it.
class tls_server {
public:
  tls_server() {
    auto subject = [](const std::string& name) { return " -subj /CN=" + name; };
    shell("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout " + file("ca.key") + " -out " + file("ca.pem")
          + subject("cenote-test-ca"));
    shell("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout " + file("other.key") + " -out "
          + file("other-ca.pem") + subject("another-ca"));
    sign("server", "subjectAltName=IP:127.0.0.1,DNS:localhost");
    sign("client", "basicConstraints=CA:FALSE");
    server_.stop();
    server_.start(
        {"--ssl-cert=" + file("server.pem"), "--ssl-key=" + file("server.key"), "--ssl-ca=" + file("ca.pem")});
  }

  server_settings settings(tls_mode mode) const {
    auto result = server_.settings();
    result.tls = mode;
    return result;
  }

  std::string file(const std::string& name) const { return server_.folder() + "/" + name; }

private:
  /// Makes a key and a certificate signed by our authority.
  void sign(const std::string& name, const std::string& extensions) {
    shell("openssl req -newkey rsa:2048 -nodes -keyout " + file(name + ".key") + " -out " + file(name + ".csr")
          + " -subj /CN=" + name);
    std::ofstream{file(name + ".ext")} << extensions << '\n';
    shell("openssl x509 -req -days 2 -in " + file(name + ".csr") + " -CA " + file("ca.pem") + " -CAkey "
          + file("ca.key") + " -CAcreateserial -extfile " + file(name + ".ext") + " -out " + file(name + ".pem"));
  }

  private_server server_;
};

tls_server& shared_tls_server() {
  static tls_server instance;
  return instance;
}

std::string cipher(db::connection& x) {
  return run(x, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0].get<std::string>(1);
}

void check_refused(const server_settings& target) {
  auto error = fail_to_open(target);
  CHECK(error.phase == db::phase::connecting);
  CHECK_EQ(error.number, 2026u);
  CHECK(!contains(error.text, target.password.reveal()));
}

} // namespace

SCENARIO("TLS is used when it is asked for, and only then") {
  auto& server = shared_tls_server();
  auto encrypted = open(server.settings(tls_mode::required));
  CHECK(encrypted.uses_tls());
  CHECK(!cipher(encrypted).empty());
  auto plain = open(server.settings(tls_mode::disabled));
  CHECK(!plain.uses_tls());
  CHECK(cipher(plain).empty());
}

SCENARIO("a server without TLS is refused by every mode that wants it") {
  for (auto mode : {tls_mode::required, tls_mode::verify_ca, tls_mode::verify_full}) {
    auto target = shared_server().settings();
    target.tls = mode;
    target.tls_ca = mode == tls_mode::required ? "" : shared_tls_server().file("ca.pem");
    check_refused(target);
  }
}

SCENARIO("a server without TLS learns nothing, not even the user's name") {
  for (auto mode : {tls_mode::required, tls_mode::verify_ca, tls_mode::verify_full}) {
    impostor server{[](impostor& self) {
      self.greet();
      self.read_packet();
      self.write_packet(2, std::string_view{"\xFEmysql_clear_password\0", 22});
    }};
    auto target = server.settings();
    target.tls = mode;
    check_refused(target);
    CHECK_EQ(server.received(), "");
  }
}

SCENARIO("a server that falls silent in the TLS handshake does not hold us for long") {
  impostor server{[](impostor& self) { self.greet(true); }};
  auto target = server.settings();
  target.tls = tls_mode::required;
  stopwatch since;
  check_refused(target);
  CHECK(since.elapsed() > 900ms);
  CHECK(since.elapsed() < 4s);
}

SCENARIO("verify_ca wants a certificate of the given authority") {
  auto& server = shared_tls_server();
  auto target = server.settings(tls_mode::verify_ca);
  target.tls_ca = server.file("ca.pem");
  CHECK(open(target).uses_tls());
  target.tls_ca = server.file("other-ca.pem");
  check_refused(target);
  target.tls_ca.clear(); // The system's authorities do not know ours.
  check_refused(target);
}

SCENARIO("verify_full wants a certificate for the host as well") {
  auto& server = shared_tls_server();
  auto target = server.settings(tls_mode::verify_full);
  target.tls_ca = server.file("ca.pem");
  CHECK(open(target).uses_tls());
  target.host = "localhost";
  CHECK(open(target).uses_tls());
  target.host = "127.0.0.1";
  target.tls_ca = server.file("other-ca.pem");
  check_refused(target);
  target.tls_ca.clear();
  check_refused(target);
}

SCENARIO("verify_full refuses a certificate for another host, verify_ca does not care") {
  auto& server = shared_tls_server();
  private_server other{{"--ssl-cert=" + server.file("client.pem"), "--ssl-key=" + server.file("client.key"),
                        "--ssl-ca=" + server.file("ca.pem")}};
  auto target = other.settings();
  target.tls_ca = server.file("ca.pem");
  target.tls = tls_mode::verify_full;
  check_refused(target);
  target.tls = tls_mode::verify_ca;
  CHECK(open(target).uses_tls());
}

SCENARIO("the authorities may be given in a folder") {
  auto& server = shared_tls_server();
  auto folder = server.file("authorities");
  shell("mkdir -p " + folder + " && cp " + server.file("ca.pem") + " " + folder + " && openssl rehash " + folder);
  auto target = server.settings(tls_mode::verify_full);
  target.tls_capath = folder;
  CHECK(open(target).uses_tls());
}

SCENARIO("a client certificate is shown where one is wanted") {
  auto& server = shared_tls_server();
  auto control = open(server.settings(tls_mode::disabled));
  run(control, "CREATE OR REPLACE USER certified@'%' IDENTIFIED BY 'pw' REQUIRE X509");
  auto target = server.settings(tls_mode::required);
  target.user = "certified";
  target.password = secret{"pw"};
  target.database.clear();
  CHECK_EQ(fail_to_open(target).number, 1045u);
  target.tls_cert = server.file("client.pem");
  target.tls_key = server.file("client.key");
  CHECK(open(target).uses_tls());
}

SCENARIO("a file that cannot be read is named") {
  auto& server = shared_tls_server();
  auto target = server.settings(tls_mode::verify_ca);
  target.tls_ca = "/no/such/ca.pem";
  auto error = fail_to_open(target);
  CHECK_EQ(error.text, "cannot read /no/such/ca.pem: No such file or directory");
  CHECK_EQ(error.number, 2026u);
}

SCENARIO("only the permitted ciphers are used") {
  auto& server = shared_tls_server();
  auto target = server.settings(tls_mode::required);
  target.tls_cipher = "TLS_CHACHA20_POLY1305_SHA256";
  auto x = open(target);
  CHECK_EQ(cipher(x), "TLS_CHACHA20_POLY1305_SHA256");
}

SCENARIO("ciphers of one version of TLS exclude the other version") {
  auto& server = shared_tls_server();
  auto target = server.settings(tls_mode::required);
  target.tls_cipher = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256";
  {
    auto x = open(target);
    CHECK_EQ(run(x, "SHOW SESSION STATUS LIKE 'Ssl_version'")[0].text(1), "TLSv1.3");
  }
  for (auto list :
       {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256:!aNULL", "ECDHE-RSA-AES128-GCM-SHA256,@STRENGTH"}) {
    target.tls_cipher = list;
    auto x = open(target);
    CHECK_EQ(cipher(x), "ECDHE-RSA-AES128-GCM-SHA256");
  }
}

SCENARIO("a cipher that cannot be used as it was meant is an error of the settings") {
  auto target = shared_tls_server().settings(tls_mode::required);
  struct {
    std::string list;
    std::string want;
  } rows[] = {{"NO-SUCH-CIPHER", "no cipher \"NO-SUCH-CIPHER\""},
              {"TLS_NO_SUCH", "no cipher \"TLS_NO_SUCH\""},
              {"TLS_AES_256_GCM_SHA384:NONSENSE", "no cipher \"NONSENSE\""},
              {"HIGH:!NONSENSE", "no cipher \"!NONSENSE\""},
              {"TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES256-GCM-SHA384", "name those of one of them"},
              {"HIGH:!TLS_AES_256_GCM_SHA384", "cannot be excluded"},
              {"HIGH:!HIGH", "no cipher at all"},
              {":", "no cipher at all"}};
  for (auto& [list, want] : rows) {
    MESSAGE(list);
    target.tls_cipher = list;
    auto error = fail_to_open(target);
    CHECK(error.source == db::error_source::settings);
    CHECK(contains(error.text, want));
  }
}

SCENARIO("an encrypted key needs its passphrase, and nobody is asked for it on a terminal") {
  auto& server = shared_tls_server();
  auto key = server.file("encrypted.key");
  shell("openssl rsa -aes256 -in " + server.file("client.key") + " -out " + key + " -passout pass:open-sesame");
  auto control = open(server.settings(tls_mode::disabled));
  run(control, "CREATE OR REPLACE USER encrypted@'%' IDENTIFIED BY 'pw' REQUIRE X509");
  auto target = server.settings(tls_mode::required);
  target.user = "encrypted";
  target.password = secret{"pw"};
  target.database.clear();
  target.tls_cert = server.file("client.pem");
  target.tls_key = key;
  auto refuse = [&](const std::string& want) {
    auto error = fail_to_open(target);
    MESSAGE(error.text);
    CHECK(error.source == db::error_source::settings);
    CHECK(contains(error.text, want));
    CHECK(!contains(error.text, "sesame"));
  };
  refuse("ssl_key_passphrase_file");
  target.tls_key_passphrase = secret{"sesame"};
  refuse("is wrong");
  target.tls_key_passphrase = secret{"open-sesame"};
  CHECK(open(target).uses_tls());
  target.tls_key_passphrase = secret{};
  target.tls_key_passphrase_file = server.file("passphrase");
  std::ofstream{target.tls_key_passphrase_file} << "open-sesame\n";
  CHECK(open(target).uses_tls());
  std::ofstream{target.tls_key_passphrase_file} << "\n";
  refuse("is empty");
  target.tls_key_passphrase_file = "/no/such/file";
  CHECK(contains(fail_to_open(target).text, "cannot read /no/such/file"));
  // The key may be in the file of the certificate.
  target.tls_key_passphrase_file.clear();
  target.tls_key.clear();
  target.tls_cert = server.file("both.pem");
  shell("(cat " + server.file("client.pem") + " " + key + " > " + target.tls_cert + ")");
  refuse("is encrypted");
  target.tls_key_passphrase = secret{"open-sesame"};
  CHECK(open(target).uses_tls());
}

SCENARIO("a key that is none, or not that of the certificate, is an error of the settings") {
  auto& server = shared_tls_server();
  auto target = server.settings(tls_mode::required);
  target.tls_cert = server.file("client.pem");
  target.tls_key = server.file("server.key");
  CHECK(contains(fail_to_open(target).text, "is not that of the certificate"));
  target.tls_key = server.file("client.pem");
  CHECK(contains(fail_to_open(target).text, "holds no private key"));
  target.tls_key = server.file("client.key");
  target.tls_cert = server.file("client.key");
  CHECK(contains(fail_to_open(target).text, "holds no certificate"));
}

SCENARIO("an idle connection with TLS is alive although the server sent session tickets") {
  auto x = open(shared_tls_server().settings(tls_mode::required));
  CHECK_EQ(run(x, "SHOW SESSION STATUS LIKE 'Ssl_version'")[0].get<std::string>(1), "TLSv1.3");
  auto y = open(shared_tls_server().settings(tls_mode::required));
  CHECK(y.alive());
  std::this_thread::sleep_for(200ms); // Whatever would still come has come then.
  CHECK(y.alive());
  CHECK(x.alive());
  CHECK(finish(y, y.start_ping()).has_value());
  CHECK(y.alive());
}

SCENARIO("large statements and results pass through TLS without blocking") {
  auto x = open(shared_tls_server().settings(tls_mode::required));
  std::string text(8'000'000, 'x');
  auto rows = run(x, read("SELECT ?", text));
  CHECK(rows[0].get<std::string_view>(0) == text);
  auto many = run(x, "SELECT seq, REPEAT('x', 1000) FROM seq_1_to_20000");
  CHECK_EQ(many.size(), 20'000u);
}

SCENARIO("waiting for an answer through TLS does not hold the thread") {
  auto x = open(shared_tls_server().settings(tls_mode::required));
  stopwatch since;
  auto now = x.start_execute(read("SELECT SLEEP(1)"));
  CHECK(since.elapsed() < 500ms);
  CHECK(now == db::progress::want_read);
  CHECK(finish(x, now).has_value());
  CHECK(since.elapsed() > 900ms);
}

SCENARIO("the loss of one connection with TLS does not harm another of the same thread") {
  auto& server = shared_tls_server();
  auto target = server.settings(tls_mode::required);
  auto victim = open(target);
  auto bystander = open(target);
  auto control = open(server.settings(tls_mode::disabled));
  run(control, "KILL " + std::to_string(victim.server_id()));
  await([&] { return sessions(control, victim.server_id()) == 0; });
  auto error = fail(victim, "SELECT 1");
  CHECK(error.number == 2006 || error.number == 2013 || error.number == 2026);
  CHECK(!victim.usable());
  CHECK_EQ(run(bystander, "SELECT SLEEP(0.01), 7")[0].get<int>(1), 7);
}

SCENARIO("what OpenSSL has noted on the thread is not taken for an error of a connection") {
  auto x = open(shared_tls_server().settings(tls_mode::required));
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  auto now = x.start_execute(read("SELECT SLEEP(0.01), 7"));
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  auto rows = finish(x, now);
  REQUIRE(rows.has_value());
  CHECK_EQ((*rows)[0].get<int>(1), 7);
  ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
  auto y = open(shared_tls_server().settings(tls_mode::required));
  CHECK_EQ(run(y, "SELECT 8")[0].get<int>(0), 8);
}

SCENARIO("a connection with TLS that was killed while idle is not alive") {
  auto& server = shared_tls_server();
  auto x = open(server.settings(tls_mode::required));
  auto control = open(server.settings(tls_mode::disabled));
  run(control, "KILL " + std::to_string(x.server_id()));
  await([&] { return !x.alive(); });
  CHECK(!x.alive());
}

SCENARIO("a connection with TLS that was killed while busy is lost") {
  auto& server = shared_tls_server();
  auto x = open(server.settings(tls_mode::required));
  auto control = open(server.settings(tls_mode::disabled));
  auto now = x.start_execute(write("DO SLEEP(60)"));
  await([&] { return sessions(control, x.server_id(), "DO SLEEP(60)") == 1; });
  run(control, "KILL " + std::to_string(x.server_id()));
  auto done = finish(x, now);
  REQUIRE(!done.has_value());
  CHECK(done.error().phase == db::phase::waiting);
  CHECK(done.error().number == 2013 || done.error().number == 2026);
  CHECK(!x.usable());
}

SCENARIO("a connection with TLS may be dropped in the middle of everything") {
  auto target = shared_tls_server().settings(tls_mode::required);
  stopwatch since;
  {
    auto waiting = open(target);
    waiting.start_execute(write("DO SLEEP(60)"));
    auto streaming = open(target);
    streaming.start_execute(read("SELECT REPEAT('x', 1000) FROM seq_1_to_1000000"));
    auto sending = open(target);
    sending.start_execute(read("SELECT ?", std::string(10'000'000, 'x')));
  }
  CHECK(since.elapsed() < 3s);
}

SCENARIO("statements are sent one behind the other over TLS, too") {
  auto x = open(shared_tls_server().settings(tls_mode::required));
  std::vector<statement> queries;
  // Answers of many sizes, so that OpenSSL holds back the rest of a record at times.
  for (auto i = 0; i < 300; ++i)
    queries.push_back(read("SELECT REPEAT('x', ?)", i * i));
  auto outcomes = pipeline(x, queries);
  size_t wrong = 0;
  for (size_t i = 0; i < outcomes.size(); ++i)
    wrong += !outcomes[i] || (*outcomes[i])[0].get<std::string>(0).size() != i * i;
  CHECK_EQ(wrong, 0u);
  CHECK(x.alive());
}
