#include "support/certificates.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <sys/stat.h>

namespace cenote::test {

using net::tls_identity;
using net::tls_role;

const certificates& certificates::get() {
  static certificates instance;
  return instance;
}

certificates::certificates() {
  auto name = (std::filesystem::temp_directory_path() / "cenote-certificates.XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw std::runtime_error{"cannot make a temporary folder"};
  folder_ = name;
  const std::string script = "'" CENOTE_SOURCE_DIR "/scripts/certificates' ";
  run(script + "good --host db.example");
  run(script + "good --client shop");
  run(script + "good --client old --days 0");
  run(script + "other");
  run(script + "expired --days 0");
}

certificates::~certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

tls_identity::files certificates::node(const std::string& set) const {
  return {path(set + "/node.pem"), path(set + "/node.key"), path(set + "/ca.pem")};
}

tls_identity::files certificates::client(const std::string& set) const {
  return {path(set + "/client.pem"), path(set + "/client.key"), path(set + "/ca.pem")};
}

tls_identity certificates::load(const tls_identity::files& names, tls_role role) {
  auto out = tls_identity::load(names, role);
  if (!out)
    throw std::runtime_error{out.error()};
  return *out;
}

std::string certificates::join(const std::string& name, std::initializer_list<std::string> parts) const {
  std::string content;
  for (auto& part : parts) {
    std::ifstream file{path(part), std::ios::binary};
    content.append(std::istreambuf_iterator<char>{file}, {});
  }
  return write(name, content);
}

std::string certificates::write(const std::string& name, const std::string& content) const {
  auto out = path(name);
  std::ofstream file{out, std::ios::binary | std::ios::trunc};
  file << content;
  file.close();
  ::chmod(out.c_str(), 0600);
  return out;
}

void certificates::run(const std::string& command) const {
  auto line = "cd '" + folder_ + "' && { " + command + "; } >log 2>&1";
  if (std::system(line.c_str()) == 0)
    return;
  std::ifstream file{path("log")};
  throw std::runtime_error{command + " has failed: " + std::string(std::istreambuf_iterator<char>{file}, {})};
}

} // namespace cenote::test
