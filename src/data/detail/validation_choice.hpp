#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.hpp"
#include "data/prepare_dataset.hpp"

namespace epicrisis::data::detail {

/// Which rows of the training files are validated on. A note's place follows from the seed and its text
/// alone: equal notes never part, and neither order nor file names matter.
class ValidationChoice {
 public:
  /// Nobody.
  ValidationChoice() = default;
  /// The request's percentage of the usable rows, found by reading the files once (8 bytes a row).
  static Result<ValidationChoice> create(const DataRequest& request);

  bool takes(std::string_view note) const { return chosen_ && rank(note) <= last_rank_; }

 private:
  std::uint64_t rank(std::string_view note) const;

  std::uint64_t seed_ = 0;
  std::uint64_t last_rank_ = 0;
  bool chosen_ = false;
};

}  // namespace epicrisis::data::detail
