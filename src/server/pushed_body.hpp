#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "server/body_stream.hpp"

namespace epicrisis::server {

/// The body of an answer that another thread writes as it comes. Thread-safe.
class PushedBody final : public BodySource {
 public:
  static constexpr std::size_t kMaxWaitingBytes = 8U << 20;

  std::optional<std::uint64_t> size_bytes() const override { return std::nullopt; }
  void next(Deliver deliver) override;
  /// False when the client takes too little: then the writer is to give up.
  bool push(std::string piece);
  /// No more pieces follow.
  void finish();

 private:
  void hand_out(std::unique_lock<std::mutex> lock);
  std::mutex mutex_;
  std::string waiting_;    // guarded by mutex_
  Deliver deliver_;        // guarded by mutex_; set while the server waits
  bool finished_ = false;  // guarded by mutex_
};

}  // namespace epicrisis::server
