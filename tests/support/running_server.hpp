#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "server/server.hpp"

namespace epicrisis::testing {

/// A Server on a free loopback port, served by a thread of its own until the object dies.
class RunningServer {
 public:
  explicit RunningServer(server::Router router, server::ServerOptions options = {}) {
    Result<std::unique_ptr<server::Server>> listening =
        server::Server::listen(std::move(options), std::move(router));
    if (!listening) throw std::runtime_error(listening.error().to_line());
    server_ = std::move(*listening);
    thread_ = std::jthread([this] { server_->run(); });
  }
  ~RunningServer() { stop(); }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  std::uint16_t port() const { return server_->endpoint().port; }
  server::Server& operator*() { return *server_; }
  /// Waits until run() has returned after a shutdown.
  void join() { thread_.join(); }
  void stop() {
    server_->shutdown_now();
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::unique_ptr<server::Server> server_;
  std::jthread thread_;
};

}  // namespace epicrisis::testing
