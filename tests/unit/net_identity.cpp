// What is wrong with the files of a TLS identity is said before the first connection.

#define CAF_SUITE net.identity

#include "net/tls_identity.hpp"
#include "support/certificates.hpp"

#include <chrono>
#include <string>

#include <caf/test/bdd_dsl.hpp>

#include <sys/stat.h>
#include <unistd.h>

using namespace cenote;
using namespace cenote::net;
using namespace cenote::test;

namespace {

/// The error of loading, or an empty text.
std::string error_of(const tls_identity::files& names, tls_role role) {
  auto out = tls_identity::load(names, role);
  return out ? "" : out.error();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

SCENARIO("what scripts/certificates makes has no mistakes, and tells when it expires") {
  auto& made = certificates::get();
  auto node = tls_identity::load(made.node("good"), tls_role::node);
  REQUIRE(node);
  CHECK(node->role() == tls_role::node);
  auto left = node->expires() - std::chrono::system_clock::now();
  CHECK(left > std::chrono::hours{364 * 24});
  CHECK(left < std::chrono::hours{366 * 24});
  CHECK_EQ(error_of(made.client("good"), tls_role::client), "");
  auto further = made.client("good");
  further.certificate = made.path("good/shop.pem");
  further.key = made.path("good/shop.key");
  CHECK_EQ(error_of(further, tls_role::client), "");
}

SCENARIO("each mistake in a file is named together with the file and what to do") {
  auto& made = certificates::get();
  auto good = made.node("good");
  auto garbage = made.write("garbage", std::string(3000, '\x01'));
  auto empty = made.write("empty", "");
  auto damaged = made.write("damaged", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  auto cut = made.write("cut", "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n");
  auto damaged_key = made.write("damaged.key", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
  auto two = made.join("two", {"good/node.pem", "damaged"});
  made.run("openssl x509 -in good/node.pem -outform DER -out der");
  made.run("openssl pkey -in good/node.key -aes256 -passout pass:secret -out locked.key");
  made.run("openssl ec -in good/node.key -aes256 -passout pass:secret -out locked-old.key");
  made.run("mkfifo pipe");
  made.run("cp good/node.key open.key && chmod 644 open.key");
  struct {
    tls_identity::files names;
    std::string file;
    const char* part;
  } rows[] = {
      {{"", good.key, good.ca}, "certificate", "is not named"},
      {{good.certificate, "", good.ca}, "private key", "is not named"},
      {{good.certificate, good.key, ""}, "CA", "is not named"},
      {{made.path("none"), good.key, good.ca}, made.path("none"), "No such file or directory: check the name"},
      {{good.certificate, made.path("none"), good.ca}, made.path("none"), "No such file or directory: check the name"},
      {{good.certificate, good.key, made.path("none")}, made.path("none"), "No such file or directory: check the name"},
      {{made.path("good"), good.key, good.ca}, made.path("good"), "is a folder"},
      {{good.certificate, made.path("good"), good.ca}, made.path("good"), "is a folder"},
      {{good.certificate, good.key, made.path("good")}, made.path("good"), "is a folder"},
      {{made.path("pipe"), good.key, good.ca}, made.path("pipe"), "is no regular file"},
      {{"/dev/zero", good.key, good.ca}, "/dev/zero", "is no regular file"},
      {{empty, good.key, good.ca}, empty, "is empty"},
      {{garbage, good.key, good.ca}, garbage, "no certificate in PEM form"},
      {{made.path("der"), good.key, good.ca}, made.path("der"), "no certificate in PEM form"},
      {{good.key, good.key, good.ca}, good.key, "no certificate in PEM form"},
      {{damaged, good.key, good.ca}, damaged, "certificate 1 in "},
      {{cut, good.key, good.ca}, cut, "is damaged"},
      {{two, good.key, good.ca}, two, "certificate 2 in "},
      {{good.certificate, garbage, good.ca}, garbage, "no private key in PEM form"},
      {{good.certificate, good.certificate, good.ca}, good.certificate, "every user of this machine can read"},
      {{good.certificate, damaged_key, good.ca}, damaged_key, "is damaged"},
      {{good.certificate, made.path("locked.key"), good.ca}, made.path("locked.key"), "has a passphrase: remove it"},
      {{good.certificate, made.path("locked-old.key"), good.ca}, made.path("locked-old.key"), "has a passphrase"},
      {{good.certificate, made.path("open.key"), good.ca}, made.path("open.key"), "run chmod o-r"},
      {{good.certificate, made.path("good/client.key"), good.ca}, made.path("good/client.key"), "is not that of the"},
      {{good.certificate, good.key, garbage}, garbage, "no certificate in PEM form"},
      {{good.certificate, good.key, good.certificate}, "\"node\"", "is not that of a CA"},
      {{good.certificate, good.key, made.path("other/ca.pem")}, made.path("other/ca.pem"), "is not signed by a CA in"},
      {made.node("expired"), made.path("expired/node.pem"), "has expired at 20"},
  };
  for (auto& x : rows) {
    auto out = error_of(x.names, tls_role::node);
    MESSAGE(out);
    CHECK(contains(out, x.file));
    CHECK(contains(out, x.part));
  }
}

SCENARIO("a file that its owner may not read is named") {
  auto& made = certificates::get();
  auto file = made.join("unreadable", {"good/node.pem"});
  ::chmod(file.c_str(), 0);
  if (::access(file.c_str(), R_OK) == 0)
    return; // The administrator reads everything.
  auto names = made.node("good");
  names.certificate = file;
  CHECK(contains(error_of(names, tls_role::node), "Permission denied: let the user of this process read it"));
}

SCENARIO("a certificate is for one role") {
  auto& made = certificates::get();
  CHECK(contains(error_of(made.client("good"), tls_role::node), "is not for a node: its extended key usage has to "
                                                                "include serverAuth"));
  CHECK(contains(error_of(made.node("good"), tls_role::client), "is not for a client: its extended key usage has to "
                                                                "include clientAuth"));
  // One without any usage would be for both.
  made.run("openssl req -x509 -key good/node.key -subj /CN=plain -days 9 -addext basicConstraints=critical,CA:FALSE "
           "-CA good/ca.pem -CAkey good/ca.key -out plain.pem");
  auto plain = made.node("good");
  plain.certificate = made.path("plain.pem");
  CHECK(contains(error_of(plain, tls_role::node), "serverAuth"));
  CHECK(contains(error_of(plain, tls_role::client), "clientAuth"));
  made.run("openssl req -x509 -key good/node.key -subj /CN=both -days 9 -addext extendedKeyUsage=serverAuth,clientAuth "
           "-addext basicConstraints=critical,CA:FALSE -CA good/ca.pem -CAkey good/ca.key -out both.pem");
  plain.certificate = made.path("both.pem");
  CHECK_EQ(error_of(plain, tls_role::node), "");
  CHECK_EQ(error_of(plain, tls_role::client), "");
}

SCENARIO("the CA's file may hold several, and certificates may lie between it and ours") {
  auto& made = certificates::get();
  auto names = made.node("good");
  names.ca = made.join("both-ca.pem", {"other/ca.pem", "good/ca.pem"});
  CHECK_EQ(error_of(names, tls_role::node), "");
  made.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out root.key");
  made.run("openssl req -x509 -key root.key -subj /CN=root -days 9 -out root.pem");
  made.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out middle.key");
  made.run("openssl req -x509 -key middle.key -subj /CN=middle -days 5 -addext basicConstraints=critical,CA:TRUE "
           "-CA root.pem -CAkey root.key -out middle.pem");
  made.run("openssl req -x509 -key good/node.key -subj /CN=leaf -days 9 -addext basicConstraints=critical,CA:FALSE "
           "-addext extendedKeyUsage=serverAuth -CA middle.pem -CAkey middle.key -out leaf.pem");
  names.ca = made.path("root.pem");
  names.certificate = made.path("leaf.pem");
  CHECK(contains(error_of(names, tls_role::node), "certificates between them belong into " + names.certificate));
  names.certificate = made.join("chain.pem", {"leaf.pem", "middle.pem"});
  auto loaded = tls_identity::load(names, tls_role::node);
  REQUIRE(loaded);
  // It depends on the one between, which expires first.
  CHECK(loaded->expires() - std::chrono::system_clock::now() < std::chrono::hours{5 * 24 + 1});
  // A CA that another has signed is as good as a root.
  names.certificate = made.path("leaf.pem");
  names.ca = made.path("middle.pem");
  CHECK_EQ(error_of(names, tls_role::node), "");
}

SCENARIO("an expired CA, and keys that are too weak, are refused") {
  auto& made = certificates::get();
  auto names = made.node("good");
  made.run("openssl req -x509 -newkey rsa:512 -noenc -keyout weak.key -subj /CN=weak -days 9 "
           "-addext extendedKeyUsage=serverAuth -addext basicConstraints=critical,CA:FALSE -CA good/ca.pem "
           "-CAkey good/ca.key -out weak.pem");
  names.certificate = made.path("weak.pem");
  names.key = made.path("weak.key");
  auto out = error_of(names, tls_role::node);
  MESSAGE(out);
  CHECK(contains(out, "cannot be used: ee key too small"));
  // A CA of the same key and name that has expired.
  names = made.node("good");
  made.run("mkdir db && : >db/index && printf '[ca]\\ndefault_ca=x\\n[x]\\ndatabase=db/index\\nnew_certs_dir=db\\n"
           "rand_serial=yes\\ndefault_md=sha256\\npolicy=p\\nx509_extensions=e\\n[p]\\ncommonName=supplied\\n[e]\\n"
           "basicConstraints=critical,CA:TRUE\\nsubjectKeyIdentifier=hash\\n' >db/conf");
  made.run("openssl x509 -x509toreq -in good/ca.pem -signkey good/ca.key -out db/request");
  made.run("openssl ca -batch -config db/conf -selfsign -keyfile good/ca.key -in db/request -notext "
           "-startdate 20200101000000Z -enddate 20210101000000Z -out old-ca.pem");
  names.ca = made.path("old-ca.pem");
  out = error_of(names, tls_role::node);
  MESSAGE(out);
  CHECK(contains(out, "the CA \"cenote CA "));
  CHECK(contains(out, "has expired at 2021-01-01 00:00:00 UTC: renew it"));
}
