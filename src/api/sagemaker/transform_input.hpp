#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/sagemaker/transform_plan.hpp"
#include "base/result.hpp"

namespace epicrisis::storage {
class ObjectReader;
}

namespace epicrisis::api {

/// What goes to the model in one request.
struct TransformBatch {
  std::string body;
  std::uint64_t end_offset = 0;  ///< Where the input goes on behind it.
  std::uint64_t lines = 0;
  bool is_first = false;  ///< Of its object; its answer keeps the header of a CSV.
};

/// Cuts one object into requests, reading as far as the next one needs.
class TransformInput {
 public:
  /// Goes on at `offset`, the `end_offset` of a batch. `plan` outlives the input.
  TransformInput(std::unique_ptr<storage::ObjectReader> object, const TransformPlan& plan,
                 std::uint64_t offset);
  ~TransformInput();

  /// Nothing at the end. Errors: kInvalidArgument for a record larger than the plan allows.
  Result<std::optional<TransformBatch>> next();

 private:
  struct Line {
    std::string text;  ///< Without its end.
    std::uint64_t end_offset = 0;
  };
  Result<std::optional<Line>> next_line();
  Result<std::optional<Line>> next_filled_line();
  Result<std::optional<TransformBatch>> next_whole();
  Result<std::optional<TransformBatch>> next_lines();
  Result<void> read_header();
  Error too_large() const;

  std::unique_ptr<storage::ObjectReader> object_;
  const TransformPlan& plan_;
  std::uint64_t offset_;   ///< Of what is in `buffer_` from `at_` on.
  std::uint64_t read_to_;  ///< How far the object was read.
  std::string buffer_;
  std::size_t at_ = 0;
  std::optional<Line> pushed_back_;
  std::optional<std::string> header_;
  bool is_first_;
};

}  // namespace epicrisis::api
