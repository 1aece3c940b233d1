#define CAF_SUITE pool.statement_digest

#include "pool/statement_digest.hpp"

#include <string>

#include <caf/test/bdd_dsl.hpp>

using cenote::pool::digest_of;
using cenote::pool::max_digest_bytes;

SCENARIO("literals become question marks, whatever they look like") {
  CHECK_EQ(digest_of("SELECT * FROM t WHERE id = 5 AND name='it''s'"), "SELECT * FROM t WHERE id = ? AND name = ?");
  CHECK_EQ(digest_of("SELECT 1.5e-3 + .5 * 0x1F"), "SELECT ? + ? * ?");
  CHECK_EQ(digest_of("SELECT f(x'4142') = \"text\""), "SELECT f(?) = ?");
  CHECK_EQ(digest_of("SET PASSWORD FOR u = PASSWORD('secret')"), "SET PASSWORD FOR u = PASSWORD(?)");
  CHECK_EQ(digest_of("SELECT ''"), "SELECT ?");
}

SCENARIO("names and placeholders stay") {
  CHECK_EQ(digest_of("select count(*) from `a b`.t1 where x1 >= ?"), "select count(*) from `a b`.t1 where x1 >= ?");
  CHECK_EQ(digest_of("UPDATE t SET a=a+1, b=:name WHERE @v:=3||4"),
           "UPDATE t SET a = a + ?, b = :name WHERE @v := ? || ?");
}

SCENARIO("white space and comments make no difference") {
  CHECK_EQ(digest_of("SELECT  a\n\tFROM t -- all\n WHERE /* some */ b=1 # of them"), "SELECT a FROM t WHERE b = ?");
}

SCENARIO("a list of literals is one, and so are groups that are the same") {
  CHECK_EQ(digest_of("SELECT a FROM t WHERE b IN (1, 2, 3)"), "SELECT a FROM t WHERE b IN (?)");
  CHECK_EQ(digest_of("INSERT INTO t (a,b) VALUES (1,'x'),(2,'y'),(3,'z')"), "INSERT INTO t(a, b) VALUES (?)");
  CHECK_EQ(digest_of("INSERT INTO t VALUES (1,NOW()),(2,NOW()),(3,NOW())"), "INSERT INTO t VALUES (?, NOW())");
  THEN("groups that differ stay") {
    CHECK_EQ(digest_of("INSERT INTO t VALUES (1,NOW()),(2,NULL)"), "INSERT INTO t VALUES (?, NOW()), (?, NULL)");
  }
}

SCENARIO("nothing of a text is shown if its end depends on the SQL mode") {
  CHECK_EQ(digest_of(R"(SELECT 'it\'s a secret', 'more')"), "SELECT ? ...");
  CHECK_EQ(digest_of(R"(SELECT 'a\\', 'b')"), "SELECT ?");
  CHECK_EQ(digest_of("SELECT 'no end"), "SELECT ?");
}

SCENARIO("what is no SQL has a digest, too") {
  CHECK_EQ(digest_of(""), "");
  CHECK_EQ(digest_of(")"), ")");
  CHECK_EQ(digest_of("((1),(1)), ((1))"), "((?))");
  CHECK_EQ(digest_of("/* never ends"), "");
  CHECK_EQ(digest_of("\xff\xfe 1"), "\xff\xfe ?");
}

SCENARIO("a long statement is cut between two characters") {
  auto long_name = [](size_t size) {
    std::string out;
    while (out.size() < size)
      out += "\xc3\xa4"; // An umlaut.
    return out;
  };
  for (size_t size = max_digest_bytes - 20; size < max_digest_bytes + 20; ++size) {
    auto digest = digest_of("SELECT " + long_name(size));
    CHECK(digest.size() <= max_digest_bytes);
    if (digest.ends_with("..."))
      digest.resize(digest.size() - 3);
    CHECK_EQ(digest.size() % 2, 1u); // Behind the word there are whole characters.
  }
  CHECK(digest_of(std::string(100'000, 'a')).ends_with("..."));
  CHECK(digest_of("SELECT " + long_name(2000)).ends_with("..."));
}
