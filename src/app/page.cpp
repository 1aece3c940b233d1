#include "app/page.hpp"

#include "app/embedded_files.hpp"

#include <string>

namespace cenote::app {

namespace {

/// Nothing from elsewhere, nothing inside of other pages, and no text that becomes a program.
constexpr auto policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                        "require-trusted-types-for 'script'";

/// A browser keeps the file, and asks each time whether it is still the one.
http::response answer(const embedded_file& file, const http::request& asked) {
  http::response out;
  auto tag = "\"" + std::string{file.hash} + "\"";
  out.type = std::string{file.type} + "; charset=utf-8";
  out.headers = {{"Cache-Control", "no-cache"}, {"ETag", tag}, {"Content-Security-Policy", policy}};
  if (asked.if_none_match == tag)
    out.status = 304;
  else
    out.document = file.content;
  return out;
}

} // namespace

void add_page(http::router& to) {
  for (auto& file : embedded_files())
    to.add("GET", std::string{file.path}, http::access::open, [&file](auto& asked) { return answer(file, asked); });
}

} // namespace cenote::app
