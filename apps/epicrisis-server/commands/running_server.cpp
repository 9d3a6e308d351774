#include "commands/running_server.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdlib>
#include <string_view>

#include "api/aws/sigv4.hpp"
#include "base/digest.hpp"
#include "base/files.hpp"
#include "server/server.hpp"
#include "storage/data_folder.hpp"

namespace epicrisis {
namespace net = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

constexpr std::uint64_t kMaxFileBytes = 64U << 10;
constexpr std::string_view kHttps = "https://";

std::filesystem::path file_of(const std::filesystem::path& data) { return data / "server.json"; }

/// A JSON 1.1 call as clients sign it.
std::string signed_request(const std::string& host, const storage::AccessKeySecret& key,
                           const std::string& target, const std::string& body) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  api::aws::Signature signature;
  signature.timestamp = fmt::format("{:%Y%m%dT%H%M%SZ}", now);
  signature.scope = {key.key.id, signature.timestamp.substr(0, 8), "us-east-1", "sagemaker"};
  signature.signed_headers = {"host", "x-amz-date", "x-amz-target"};
  server::Headers headers;
  headers.add("host", host);
  headers.add("x-amz-date", signature.timestamp);
  headers.add("x-amz-target", target);
  const std::string hash = to_hex(digest_of(DigestKind::kSha256, body));
  const std::string canonical = api::aws::canonical_request({"POST", "/", "", headers}, signature, hash);
  const std::string mac = to_hex(hmac_sha256(api::aws::signing_key(key.secret, signature.scope),
                                             api::aws::string_to_sign(signature, canonical)));
  return fmt::format(
      "POST / HTTP/1.1\r\nHost: {}\r\nX-Amz-Date: {}\r\nX-Amz-Target: {}\r\nConnection: close\r\n"
      "Content-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 "
      "Credential={}/{}, SignedHeaders=host;x-amz-date;x-amz-target, Signature={}\r\n\r\n{}",
      host, signature.timestamp, target, body.size(), key.key.id, signature.scope.to_string(), mac, body);
}

/// Sends `request` and reads until the server closes.
template <class Stream>
std::string exchange(Stream& stream, const std::string& request, error_code& failure) {
  net::write(stream, net::buffer(request), failure);
  std::string answer;
  if (!failure) net::read(stream, net::dynamic_buffer(answer), failure);
  if (failure == net::error::eof || failure == ssl::error::stream_truncated) failure = {};
  return answer;
}

/// The server's certificate names a host that need not be its address, so it is trusted itself instead.
std::string exchange_over_tls(net::ip::tcp::socket& socket, const std::string& certificate,
                              const std::string& request, error_code& failure) {
  ssl::context context(ssl::context::tls_client);
  context.load_verify_file(certificate, failure);
  if (failure) return {};
  ::X509_STORE_set_flags(::SSL_CTX_get_cert_store(context.native_handle()), X509_V_FLAG_PARTIAL_CHAIN);
  context.set_verify_mode(ssl::verify_peer);
  ssl::stream<net::ip::tcp::socket&> stream(socket, context);
  stream.handshake(ssl::stream_base::client, failure);
  return failure ? std::string() : exchange(stream, request, failure);
}

Result<std::string> send(const RunningServer& server, const storage::AccessKeySecret& key,
                         const std::string& target, const std::string& body) {
  const std::string host = server.url.substr(server.url.find("//") + 2);
  EPICRISIS_ASSIGN_OR_RETURN(const server::Endpoint endpoint, server::parse_endpoint(host));
  net::io_context io;
  net::ip::tcp::socket socket(io);
  error_code failure;
  net::ip::address address = net::ip::make_address(endpoint.address, failure);
  if (address.is_unspecified()) {
    address = address.is_v6() ? net::ip::address(net::ip::address_v6::loopback())
                              : net::ip::address(net::ip::address_v4::loopback());
  }
  if (!failure) socket.connect({address, endpoint.port}, failure);
  std::string answer;
  if (!failure) {
    const std::string request = signed_request(host, key, target, body);
    answer = server.url.starts_with(kHttps) ? exchange_over_tls(socket, server.certificate, request, failure)
                                            : exchange(socket, request, failure);
  }
  if (!failure) return answer;
  return Error{ErrorCode::kUnavailable,
               fmt::format("The server at {} does not answer: {}.", server.url, failure.message()), ""};
}

Result<Json> read_answer(const std::string& answer) {
  const std::size_t head = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 ") || head == std::string::npos) {
    return Error{ErrorCode::kUnavailable, "The server closed the connection before it answered.", ""};
  }
  EPICRISIS_ASSIGN_OR_RETURN(Json json,
                             parse_json(std::string_view(answer).substr(head + 4), "The server's answer"));
  if (answer.substr(9, 3) == "200") return json;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("The server refused: {}", json.is_object() ? json.value("message", "") : ""), ""};
}

}  // namespace

Result<void> announce_server(const std::filesystem::path& data, const RunningServer& server) {
  std::error_code ignored;
  const std::string certificate =
      server.certificate.empty() ? "" : std::filesystem::absolute(server.certificate, ignored).string();
  const OrderedJson line = {{"url", server.url}, {"certificate", certificate}};
  return write_file_atomically(file_of(data), line.dump() + "\n");
}

Result<RunningServer> find_server(const std::filesystem::path& data) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json json, read_json_file(file_of(data), kMaxFileBytes));
  RunningServer server;
  EPICRISIS_ASSIGN_OR_RETURN(server.url, json_value<std::string>(json, "url", "", "server.json"));
  EPICRISIS_ASSIGN_OR_RETURN(server.certificate,
                             json_value<std::string>(json, "certificate", "", "server.json"));
  return server;
}

Result<Json> call_server(const std::filesystem::path& data, const std::string& target, const Json& request) {
  EPICRISIS_ASSIGN_OR_RETURN(const RunningServer server, find_server(data));
  EPICRISIS_ASSIGN_OR_RETURN(storage::KeyFolder folder, storage::KeyFolder::open(data));
  EPICRISIS_ASSIGN_OR_RETURN(const storage::AccessKeySecret key, folder.keys().create(storage::Role::kAdmin));
  const Result<std::string> answer = send(server, key, target, request.dump());
  EPICRISIS_RETURN_IF_ERROR(folder.keys().disable(key.key.id));
  if (!answer) return answer.error();
  return read_answer(*answer);
}

}  // namespace epicrisis
