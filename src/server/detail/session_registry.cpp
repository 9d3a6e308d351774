#include "server/detail/session_registry.hpp"

#include <utility>

namespace epicrisis::server::detail {

void SessionRegistry::add(const std::shared_ptr<Session>& session) {
  const std::lock_guard lock(mutex_);
  sessions_.emplace(session.get(), session);
}

void SessionRegistry::remove(const Session* session) {
  std::function<void()> done;
  {
    const std::lock_guard lock(mutex_);
    if (sessions_.erase(session) != 0 && session->phase() == Session::Phase::kFinished) --evicted_;
    if (sessions_.empty()) done = std::exchange(done_, nullptr);
  }
  if (done) done();
}

std::size_t SessionRegistry::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size() - evicted_;
}

std::vector<std::shared_ptr<Session>> SessionRegistry::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Session>> alive;
  alive.reserve(sessions_.size());
  for (const auto& [key, session] : sessions_) {
    if (std::shared_ptr<Session> locked = session.lock()) alive.push_back(std::move(locked));
  }
  return alive;
}

std::shared_ptr<Session> SessionRegistry::take_longest_waiting() {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Session> oldest;
  for (const auto& [key, session] : sessions_) {
    if (key->phase() != Session::Phase::kWaiting) continue;
    if (oldest && oldest->since() <= key->since()) continue;
    if (std::shared_ptr<Session> locked = session.lock()) oldest = std::move(locked);
  }
  if (!oldest) return nullptr;
  auto waiting = Session::Phase::kWaiting;
  if (!oldest->phase_.compare_exchange_strong(waiting, Session::Phase::kFinished)) return nullptr;
  ++evicted_;
  return oldest;
}

void SessionRegistry::when_empty(std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (!sessions_.empty()) {
      done_ = std::move(done);
      return;
    }
  }
  done();
}

}  // namespace epicrisis::server::detail
