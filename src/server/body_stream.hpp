#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace epicrisis::server {

/// Takes the body of one request piece by piece, so that it need not fit in memory. Pieces come one at a
/// time: the next one only after `done` was called.
class BodySink {
 public:
  using Done = std::function<void(bool more)>;

  virtual ~BodySink() = default;
  /// Starts to work on `bytes` and returns at once: it is called on an I/O thread. `done` is to be called
  /// once, from any thread; false ends the reading, and the handler is called to say why.
  virtual void take(std::string bytes, Done done) = 0;
};

/// Gives the body of one answer piece by piece.
class BodySource {
 public:
  /// An empty piece is the end; nothing is a failure, which cuts the connection: the head is sent already.
  using Deliver = std::function<void(std::optional<std::string> piece)>;

  virtual ~BodySource() = default;
  /// How long the body is; nothing when that is not known, then it is sent in chunks as they come.
  virtual std::optional<std::uint64_t> size_bytes() const = 0;
  /// Starts to fetch the next piece and returns at once: it is called on an I/O thread, and only after the
  /// piece before was delivered. `deliver` is to be called once, from any thread.
  virtual void next(Deliver deliver) = 0;
};

}  // namespace epicrisis::server
