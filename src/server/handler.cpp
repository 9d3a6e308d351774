#include "server/handler.hpp"

#include <atomic>
#include <utility>

namespace epicrisis::server {

struct Responder::State {
  explicit State(std::function<void(Response)> function) : deliver(std::move(function)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (!sent.test_and_set()) deliver(Response{.status = 500, .content_type = {}, .headers = {}, .body = {}});
  }

  std::function<void(Response)> deliver;
  std::atomic_flag sent;
};

Responder::Responder(std::function<void(Response)> deliver)
    : state_(std::make_shared<State>(std::move(deliver))) {}

void Responder::send(Response response) const {
  if (!state_->sent.test_and_set()) state_->deliver(std::move(response));
}

}  // namespace epicrisis::server
