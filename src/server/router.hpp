#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/body_stream.hpp"
#include "server/handler.hpp"

namespace epicrisis::server {

/// What answers one method of one path.
struct Route {
  std::string name;  ///< Machine-made; stands for the path in the log, since a sent path may hold anything.
  Handler handler;
  std::optional<std::uint64_t> max_body_bytes{};       ///< Default: Limits::max_body_bytes.
  std::optional<std::chrono::milliseconds> timeout{};  ///< Default: Limits::request_timeout.
  bool quiet = false;  ///< Successes are logged for debugging only: health checks come every second.
  std::shared_ptr<BodySink> sink{};   ///< Takes the body as it comes; then the handler is called without it.
  std::optional<Response> refusal{};  ///< The answer, before the body is taken in; there is no handler then.
  /// Makes the answers that come from the server itself (413, 504 …). Default: ServerOptions::error_response.
  std::function<Response(int status, std::string_view message)> error_response{};
};

/// Finds the route of a request by its exact path, then its method. HEAD is answered by GET's route.
/// Filled before the server starts; read by all I/O threads.
class Router {
 public:
  struct Match {
    const Route* route = nullptr;  ///< Null: `status` is the answer.
    int status = 404;              ///< 404 or 405.
    std::string allow;             ///< With 405: the methods the path has, for the Allow field.
  };

  /// Decides about a request by its head, on an I/O thread, before any of its body is read. `request` has no
  /// body yet.
  using Front = std::function<Route(const Request& request)>;

  void add(std::string method, std::string path, Route route);
  /// `front` makes the routes of all requests whose path was not added.
  void set_front(Front front) { front_ = std::move(front); }
  const Front& front() const noexcept { return front_; }
  Match match(std::string_view method, std::string_view path) const;

 private:
  std::map<std::string, std::map<std::string, Route, std::less<>>, std::less<>> routes_;  // path, then method
  Front front_;
};

}  // namespace epicrisis::server
