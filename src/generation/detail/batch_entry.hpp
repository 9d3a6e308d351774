#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "generation/continuous_batch.hpp"

namespace epicrisis {

namespace detail {
Error cancelled();
}  // namespace detail

/// Sources that came together.
struct ContinuousBatch::Call {
  std::deque<std::unique_ptr<Entry>> waiting;
  int admitted = 0;  ///< Of its sources, in encoding_ or live_.
};

struct ContinuousBatch::Entry {
  BatchRequest request;
  std::shared_ptr<Call> call;
  std::size_t bytes = 0;  ///< Most that it takes in the caches.
  int most_rows = 0;
  bool alone = false;  ///< Encoding it with others failed.
  bool admitted = false;
  std::optional<SourceId> id;
  std::unique_ptr<Search> search;
  std::size_t fed = 0;   ///< Tokens that the model has seen; matters while they are those of the prompt.
  int first_row = 0;     ///< Of the previous step.
  int planned_rows = 0;  ///< Of the step being taken.

  Entry() = default;
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() {
    if (request.done) request.done(detail::cancelled());
  }
  std::optional<Error> reason_to_end(std::chrono::steady_clock::time_point now) const {
    if (request.stop.stop_requested()) return detail::cancelled();
    if (request.deadline && now >= *request.deadline) {
      return Error{ErrorCode::kDeadlineExceeded, "The time given to this text ran out.", ""};
    }
    return {};
  }
};

}  // namespace epicrisis
