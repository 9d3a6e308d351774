#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "server/handler.hpp"

namespace epicrisis::server {

/// What answers one method of one path.
struct Route {
  std::string name;  ///< Machine-made; stands for the path in the log, since a sent path may hold anything.
  Handler handler;
  std::optional<std::uint64_t> max_body_bytes{};       ///< Default: Limits::max_body_bytes.
  std::optional<std::chrono::milliseconds> timeout{};  ///< Default: Limits::request_timeout.
  bool quiet = false;  ///< Successes are logged for debugging only: health checks come every second.
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

  void add(std::string method, std::string path, Route route);
  Match match(std::string_view method, std::string_view path) const;

 private:
  std::map<std::string, std::map<std::string, Route, std::less<>>, std::less<>> routes_;  // path, then method
};

}  // namespace epicrisis::server
