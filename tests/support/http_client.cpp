#include "support/http_client.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace epicrisis::testing {
namespace {

constexpr int kPatienceMs = 30'000;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

}  // namespace

HttpClient::HttpClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect to the server under test");
  }
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}

HttpClient::~HttpClient() { close(); }

bool HttpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool HttpClient::read_more() {
  pollfd waiting{socket_, POLLIN, 0};
  if (::poll(&waiting, 1, kPatienceMs) != 1) return false;
  char bytes[65536];
  const ssize_t size = ::recv(socket_, bytes, sizeof bytes, 0);
  if (size <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

std::string HttpClient::read_head() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return {};
  }
  std::string head = buffer_.substr(0, end + 4);
  buffer_.erase(0, end + 4);
  return head;
}

HttpReply HttpClient::read_reply(bool to_head) {
  HttpReply reply;
  do {
    const std::string head = read_head();
    if (head.size() < 12) return {};
    reply = {};
    reply.status = std::atoi(head.c_str() + 9);
    for (std::size_t line = head.find("\r\n") + 2; line + 2 < head.size();) {
      const std::size_t end = head.find("\r\n", line);
      const std::size_t colon = head.find(": ", line);
      reply.headers[lower(head.substr(line, colon - line))] = head.substr(colon + 2, end - colon - 2);
      line = end + 2;
    }
  } while (reply.status == 100);
  if (!to_head && reply.headers["transfer-encoding"] == "chunked") return read_chunks(std::move(reply));
  const auto length = static_cast<std::size_t>(std::atoll(reply.headers["content-length"].c_str()));
  while (!to_head && buffer_.size() < length) {
    if (!read_more()) return {};
  }
  reply.body = to_head ? std::string() : buffer_.substr(0, length);
  buffer_.erase(0, reply.body.size());
  return reply;
}

HttpReply HttpClient::read_chunks(HttpReply reply) {
  while (true) {
    std::size_t line_end = 0;
    while ((line_end = buffer_.find("\r\n")) == std::string::npos) {
      if (!read_more()) return {};
    }
    const std::size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
    const std::size_t whole = line_end + 2 + size + 2;
    while (buffer_.size() < whole) {
      if (!read_more()) return {};
    }
    reply.body += buffer_.substr(line_end + 2, size);
    buffer_.erase(0, whole);
    if (size == 0) return reply;
  }
}

bool HttpClient::is_closed_by_peer() {
  if (!buffer_.empty()) return false;
  pollfd waiting{socket_, POLLIN, 0};
  if (::poll(&waiting, 1, kPatienceMs) != 1) return false;
  char byte = 0;
  return ::recv(socket_, &byte, 1, 0) <= 0;
}

void HttpClient::end_input() { ::shutdown(socket_, SHUT_WR); }

void HttpClient::close(bool reset) {
  if (socket_ < 0) return;
  if (reset) {
    const linger abort{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  }
  ::close(std::exchange(socket_, -1));
}

std::string http_request(std::string_view method, std::string_view path, std::string_view body,
                         std::string_view fields) {
  const std::string length =
      body.empty() && method != "POST" ? std::string() : fmt::format("Content-Length: {}\r\n", body.size());
  return fmt::format("{} {} HTTP/1.1\r\nHost: test\r\n{}{}\r\n{}", method, path, length, fields, body);
}

HttpReply fetch(std::uint16_t port, std::string_view method, std::string_view path, std::string_view body,
                std::string_view fields) {
  HttpClient client(port);
  client.send(http_request(method, path, body, fields));
  return client.read_reply(method == "HEAD");
}

}  // namespace epicrisis::testing
