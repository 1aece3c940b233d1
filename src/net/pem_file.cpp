#include "net/pem_file.hpp"
#include "net/unique_fd.hpp"

#include <cerrno>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

namespace cenote::net {

namespace {

constexpr size_t max_file = 4 << 20; // All CAs of an operating system are 200 KiB.

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO, BIO_free_all>>;

/// The bytes of a file, which may be those of a key: wiped in the end.
struct file_content {
  file_content() = default;
  file_content(file_content&&) = default;
  file_content& operator=(file_content&&) = delete;
  ~file_content() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

  bio_ptr reader() const { return bio_ptr{BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))}; }

  bool contains(std::string_view text) const {
    return std::string_view{bytes.data(), bytes.size()}.find(text) != std::string_view::npos;
  }

  std::vector<char> bytes;
  mode_t mode = 0;
};

tl::unexpected<std::string> wrong(std::string text) {
  ERR_clear_error();
  return tl::unexpected{std::move(text)};
}

tl::unexpected<std::string> unreadable(const std::string& file, int error) {
  std::string advice;
  if (error == ENOENT)
    advice = ": check the name; relative ones begin in the folder where the process was started";
  else if (error == EACCES)
    advice = ": let the user of this process read it";
  return wrong("cannot read " + file + ": " + std::generic_category().message(error) + advice);
}

tl::expected<file_content, std::string> read_file(const std::string& file, const std::string& purpose) {
  if (file.empty())
    return wrong("the file of the " + purpose + " is not named: certificate, key and CA belong together");
  if (file.find('\0') != std::string::npos)
    return wrong("the name of the file of the " + purpose + " contains a NUL byte");
  // Nobody may ever write into a named pipe.
  unique_fd descriptor{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  struct stat status = {};
  if (!descriptor || ::fstat(descriptor.get(), &status) != 0)
    return unreadable(file, errno);
  if (S_ISDIR(status.st_mode))
    return wrong(file + " is a folder: name the PEM file of the " + purpose + " in it");
  if (!S_ISREG(status.st_mode))
    return wrong(file + " is no regular file: name the PEM file of the " + purpose);
  auto size = static_cast<size_t>(status.st_size);
  if (size > max_file)
    return wrong(file + " is larger than 4 MiB: is it the PEM file of the " + purpose + "?");
  file_content out;
  out.mode = status.st_mode;
  out.bytes.resize(size);
  size_t filled = 0;
  while (filled < size) {
    auto count = ::read(descriptor.get(), out.bytes.data() + filled, size - filled);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return unreadable(file, errno);
    if (count == 0)
      break;
    filled += static_cast<size_t>(count);
  }
  out.bytes.resize(filled);
  if (filled == 0)
    return wrong(file + " is empty: it has to be the PEM file of the " + purpose);
  return out;
}

/// Answers OpenSSL's request for a passphrase, which would otherwise go to the terminal, with none.
int refuse_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

} // namespace

tl::expected<std::vector<certificate_ptr>, std::string> read_certificates(const std::string& file,
                                                                          const std::string& purpose) {
  auto content = read_file(file, purpose);
  if (!content)
    return tl::unexpected{std::move(content.error())};
  ERR_clear_error();
  auto asked = false;
  auto reader = content->reader();
  std::vector<certificate_ptr> out;
  while (certificate_ptr next{PEM_read_bio_X509(reader.get(), nullptr, refuse_passphrase, &asked)})
    out.push_back(std::move(next));
  // What ends a file without mistakes is that no further block begins.
  auto error = ERR_peek_last_error();
  auto at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (out.empty() && at_end)
    return wrong(file + " holds no certificate in PEM form: it needs a block that begins with "
                 + "-----BEGIN CERTIFICATE-----");
  if (!at_end)
    return wrong("certificate " + std::to_string(out.size() + 1) + " in " + file
                 + " is damaged: copy or make the file again (" + openssl_reason() + ")");
  ERR_clear_error();
  return out;
}

tl::expected<key_ptr, std::string> read_key(const std::string& file) {
  auto content = read_file(file, "private key");
  if (!content)
    return tl::unexpected{std::move(content.error())};
  // Whoever reads the key can pass for this process; others than its user and group need not.
  if ((content->mode & S_IROTH) != 0)
    return wrong("every user of this machine can read the private key " + file
                 + ", and pass for this process: run chmod o-r " + file
                 + " (in Kubernetes, set defaultMode: 0440 for the secret's volume)");
  ERR_clear_error();
  auto asked = false;
  auto reader = content->reader();
  key_ptr key{PEM_read_bio_PrivateKey(reader.get(), nullptr, refuse_passphrase, &asked)};
  if (asked)
    return wrong("the private key " + file + " has a passphrase: remove it with openssl pkey -in " + file
                 + " -out NEW-FILE");
  if (!key && !content->contains("PRIVATE KEY-----"))
    return wrong(file + " holds no private key in PEM form: it needs a block that begins with "
                 + "-----BEGIN PRIVATE KEY-----");
  if (!key)
    return wrong("the private key in " + file + " is damaged: copy or make the file again (" + openssl_reason() + ")");
  ERR_clear_error();
  return key;
}

} // namespace cenote::net
