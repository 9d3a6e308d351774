#include "support/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace epicrisis::testing {
namespace {

[[noreturn]] void fail(const char* action) {
  throw std::system_error(errno, std::generic_category(), action);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

SeenRequest parse_request(std::string_view head) {
  SeenRequest request;
  const std::string_view line = head.substr(0, head.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t second = line.find(' ', first + 1);
  request.method = line.substr(0, first);
  request.target = line.substr(first + 1, second - first - 1);
  for (std::string_view rest = head.substr(line.size() + 2); !rest.starts_with("\r\n");) {
    const std::string_view field = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(field.size() + 2);
    const std::size_t colon = field.find(':');
    std::string_view value = field.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    request.headers[lower_case(field.substr(0, colon))] = value;
  }
  return request;
}

}  // namespace

struct ScriptedServer::TlsContext {
  explicit TlsContext(const TlsIdentity& identity) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> certificate_text(
        BIO_new_mem_buf(identity.certificate.data(), static_cast<int>(identity.certificate.size())),
        &BIO_free);
    const std::unique_ptr<BIO, decltype(&BIO_free)> key_text(
        BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size())), &BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr), &X509_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    if (SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
      throw std::runtime_error("cannot use the TLS identity");
  }
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
};

/// One accepted connection, plain or over TLS.
class ScriptedServer::Connection {
 public:
  Connection(int descriptor, const TlsContext* tls) : descriptor_(descriptor) {
    if (tls == nullptr) return;
    ssl_.reset(SSL_new(tls->context.get()));
    SSL_set_fd(ssl_.get(), descriptor_);
    is_open_ = SSL_accept(ssl_.get()) == 1;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (ssl_ && is_open_) SSL_shutdown(ssl_.get());
    ::shutdown(descriptor_, SHUT_WR);
    ::close(descriptor_);
  }
  bool send(std::string_view bytes) {
    while (is_open_ && !bytes.empty()) {
      const auto count =
          ssl_ ? static_cast<ssize_t>(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())))
               : ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) is_open_ = false;
      if (is_open_) bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return is_open_;
  }
  /// The bytes up to the empty line that ends a request's head; these requests have no body.
  std::string read_head() {
    std::string head;
    char buffer[4096];
    while (is_open_ && head.find("\r\n\r\n") == std::string::npos) {
      const auto count = ssl_ ? static_cast<ssize_t>(SSL_read(ssl_.get(), buffer, sizeof buffer))
                              : ::recv(descriptor_, buffer, sizeof buffer, 0);
      if (count <= 0) return {};
      head.append(buffer, static_cast<std::size_t>(count));
    }
    return head;
  }

 private:
  int descriptor_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, &SSL_free};
  bool is_open_ = true;
};

ScriptedServer::ScriptedServer(Script script, std::optional<TlsIdentity> identity)
    : script_(std::move(script)) {
  if (identity) {
    tls_ = std::make_unique<TlsContext>(*identity);
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to peers that have left
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener_ < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0) fail("bind");
  if (::listen(listener_, SOMAXCONN) != 0) fail("listen");
  if (::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) fail("getsockname");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);  // wakes accept()
  thread_.join();
  ::close(listener_);
}

std::string ScriptedServer::url(const std::string& host) const {
  return (tls_ ? "https://" : "http://") + host + ":" + std::to_string(port_);
}

std::vector<SeenRequest> ScriptedServer::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedServer::serve() {
  while (!stopping_) {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) continue;
    Connection connection(descriptor, tls_.get());
    answer(connection);
  }
}

void ScriptedServer::answer(Connection& connection) {
  const std::string head = connection.read_head();
  if (head.empty()) return;
  SeenRequest request = parse_request(head);
  const ScriptedReply reply = script_(request);
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " Scripted\r\n";
  for (const auto& [name, value] : reply.fields) text += name + ": " + value + "\r\n";
  text += "Content-Length: " + std::to_string(reply.body.size()) + "\r\nConnection: close\r\n\r\n";
  std::string_view body = reply.body;
  if (reply.break_after) body = body.substr(0, *reply.break_after);
  if (request.method == "HEAD") body = {};
  {
    const std::lock_guard lock(mutex_);
    request.body_bytes_sent = body.size();
    requests_.push_back(request);
  }
  if (connection.send(text)) connection.send(body);
}

}  // namespace epicrisis::testing
