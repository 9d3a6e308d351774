#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace epicrisis::server::detail {

/// An open connection as the listener sees it. All of it may be used from any thread.
class Session {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Phase {
    kWaiting,   ///< Between requests, or still sending the header of one: may be closed to make room.
    kWorking,   ///< Receiving a body, computing or answering.
    kFinished,  ///< Chosen to be closed.
  };

  virtual ~Session() = default;
  /// Ends the connection once its running request is answered; at once when there is none.
  virtual void finish() = 0;
  /// Closes the connection and requests stop of its handler.
  virtual void close() = 0;

  Phase phase() const noexcept { return phase_.load(); }
  Clock::time_point since() const noexcept { return Clock::time_point(Clock::duration(since_.load())); }

 protected:
  /// False, and nothing changes, once the connection was chosen to be closed.
  bool enter(Phase phase) noexcept {
    since_.store(Clock::now().time_since_epoch().count());
    Phase current = phase_.load();
    while (current != Phase::kFinished) {
      if (phase_.compare_exchange_weak(current, phase)) return true;
    }
    return false;
  }

 private:
  friend class SessionRegistry;
  std::atomic<Phase> phase_{Phase::kWaiting};
  std::atomic<Clock::rep> since_{Clock::now().time_since_epoch().count()};
};

/// The open connections of a server. Thread-safe.
class SessionRegistry {
 public:
  void add(const std::shared_ptr<Session>& session);
  /// To be called while the session lives, before its last owner lets go.
  void remove(const Session* session);
  std::size_t size() const;
  std::vector<std::shared_ptr<Session>> all() const;
  /// Takes the connection that has waited longest out of the count and returns it for closing; null when
  /// every one is working.
  std::shared_ptr<Session> take_longest_waiting();
  /// Calls `done` (once, from whichever thread) when no connection is left; at once if there is none now.
  void when_empty(std::function<void()> done);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<const Session*, std::weak_ptr<Session>> sessions_;  // guarded by mutex_
  std::size_t evicted_ = 0;     // guarded by mutex_; in sessions_ still, but closing
  std::function<void()> done_;  // guarded by mutex_
};

}  // namespace epicrisis::server::detail
