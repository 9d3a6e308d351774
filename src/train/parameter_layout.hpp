#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"

namespace epicrisis::train {

enum class InitialValue { kNormal, kZero, kOne, kEmbedding };

/// One trained tensor of the canonical names (checkpoint/weights.hpp) inside a flat float32 buffer.
struct ParameterSlot {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;  ///< In elements.
  std::int64_t count = 0;
  InitialValue initial = InitialValue::kNormal;
  float deviation = 0;  ///< Of kNormal and kEmbedding.

  /// Biases and norm weights, which weight decay usually spares; T5's relative biases count, a matrix though
  /// they are: the reference goes by names that hold "bias".
  bool is_bias_or_norm() const noexcept {
    return shape.size() == 1 || name.ends_with(".relative_bias.weight");
  }
};

/// Where every trained parameter of an architecture lies. Query, key and value projections stand side by
/// side, so that one matrix product computes all three.
class ParameterLayout {
 public:
  /// Errors: kUnsupported naming the option that cannot be trained; kInvalidArgument for sizes that
  /// contradict each other.
  static Result<ParameterLayout> create(const Architecture& architecture);

  const std::vector<ParameterSlot>& slots() const noexcept { return slots_; }
  std::int64_t total() const noexcept { return total_; }
  /// Null when the architecture has no such parameter.
  const ParameterSlot* find(std::string_view name) const noexcept;
  /// Precondition: the name exists.
  const ParameterSlot& slot(std::string_view name) const;

 private:
  friend class LayoutBuilder;

  std::vector<ParameterSlot> slots_;
  std::int64_t total_ = 0;
};

}  // namespace epicrisis::train
