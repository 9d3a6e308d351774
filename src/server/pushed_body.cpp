#include "server/pushed_body.hpp"

#include <utility>

namespace epicrisis::server {

void PushedBody::next(Deliver deliver) {
  std::unique_lock lock(mutex_);
  deliver_ = std::move(deliver);
  hand_out(std::move(lock));
}

bool PushedBody::push(std::string piece) {
  std::unique_lock lock(mutex_);
  waiting_ += piece;
  const bool fits = waiting_.size() <= kMaxWaitingBytes;
  hand_out(std::move(lock));
  return fits;
}

void PushedBody::finish() {
  std::unique_lock lock(mutex_);
  finished_ = true;
  hand_out(std::move(lock));
}

/// Gives what waits to the server if it waits for it; called without the lock, since the server may ask for
/// more at once.
void PushedBody::hand_out(std::unique_lock<std::mutex> lock) {
  if (!deliver_ || (waiting_.empty() && !finished_)) return;
  const Deliver deliver = std::exchange(deliver_, nullptr);
  std::string piece = std::exchange(waiting_, {});
  lock.unlock();
  deliver(std::move(piece));
}

}  // namespace epicrisis::server
