#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "server/http.hpp"

namespace epicrisis::server {

/// Answers one request, once, from any thread. Copies share the request: the first send() counts, later ones
/// and those after the deadline or after the client left are dropped. When the last copy dies without an
/// answer the client gets 500, so a lost request never hangs.
class Responder {
 public:
  /// `deliver` is called once, on the thread that answers.
  explicit Responder(std::function<void(Response)> deliver);
  void send(Response response) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Starts the work for a request and returns at once: it runs on an I/O thread, which never computes or
/// blocks. `stop` is requested when the client left, the deadline passed, or the server ends.
using Handler = std::function<void(Request request, std::stop_token stop, Responder responder)>;

}  // namespace epicrisis::server
