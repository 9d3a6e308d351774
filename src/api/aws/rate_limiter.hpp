#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <unordered_map>

namespace epicrisis::api::aws {

/// A token bucket a key: `per_second` requests on average, `burst` at once. Thread-safe.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;
  /// Zero `per_second`: no limit.
  RateLimiter(double per_second, double burst) : per_second_(per_second), burst_(burst) {}

  bool allow(const std::string& key, Clock::time_point now = Clock::now()) {
    if (per_second_ <= 0) return true;
    const std::lock_guard lock(mutex_);
    auto [found, added] = buckets_.try_emplace(key, Bucket{burst_, now});
    Bucket& bucket = found->second;
    const std::chrono::duration<double> passed = now - bucket.filled;
    bucket.tokens = std::min(burst_, bucket.tokens + passed.count() * per_second_);
    bucket.filled = now;
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

 private:
  struct Bucket {
    double tokens;
    Clock::time_point filled;
  };
  const double per_second_;
  const double burst_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;  // guarded by mutex_; one an active key
};

}  // namespace epicrisis::api::aws
