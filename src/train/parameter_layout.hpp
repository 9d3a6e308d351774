#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"

namespace epicrisis::train {

/// kUniform: between minus and plus the deviation.
enum class InitialValue { kNormal, kZero, kOne, kEmbedding, kUniform };

/// One tensor of the canonical names (checkpoint/weights.hpp) inside a flat float32 buffer.
struct ParameterSlot {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;  ///< In elements.
  std::int64_t count = 0;
  InitialValue initial = InitialValue::kNormal;
  float deviation = 0;         ///< Of kNormal and kEmbedding; the bound of kUniform.
  std::string file_name = {};  ///< In the family's files; parameters that are one tensor there share it.
  bool trained = true;
  std::int64_t gradient_offset = 0;  ///< Of a trained one, in gradients and optimizer state, in elements.

  /// Biases and norm weights, which weight decay usually spares; T5's relative biases count, a matrix though
  /// they are: the reference goes by names that hold "bias".
  bool is_bias_or_norm() const noexcept {
    return shape.size() == 1 || name.ends_with(".relative_bias.weight");
  }
};

/// What a run adds to frozen projections and trains instead (LoRA: Hu et al. 2021): `targets`, which lie side
/// by side, read as one matrix [out, in], gain scale * B A.
struct LowRankAdapter {
  std::string module;                ///< In the family's files: "encoder.block.0.layer.0.SelfAttention.q".
  std::vector<std::string> targets;  ///< Canonical names of their weights, in order.
  std::string a, b;                  ///< Slots of A [rank, in] and B [out, rank].
  double scale = 1;                  ///< alpha / rank.
  double dropout = 0;                ///< Of what A reads.
};

/// Where every parameter of an architecture lies, and which are trained. Query, key and value projections
/// stand side by side, so that one matrix product computes all three.
class ParameterLayout {
 public:
  /// Errors: kUnsupported naming the option that cannot be trained; kInvalidArgument for sizes that
  /// contradict each other.
  static Result<ParameterLayout> create(const Architecture& architecture);

  /// The model's own parameters, then those of adapters.
  const std::vector<ParameterSlot>& slots() const noexcept { return slots_; }
  std::span<const ParameterSlot> model_slots() const noexcept { return {slots_.data(), model_slots_}; }
  std::span<const ParameterSlot> adapter_slots() const noexcept {
    return std::span(slots_).subspan(model_slots_);
  }
  const std::vector<LowRankAdapter>& adapters() const noexcept { return adapters_; }
  std::int64_t total() const noexcept { return total_; }
  /// Elements of all trained parameters: the size of gradients.
  std::int64_t trained_total() const noexcept { return trained_total_; }
  /// Null when the architecture has no such parameter.
  const ParameterSlot* find(std::string_view name) const noexcept;
  /// Precondition: the name exists.
  const ParameterSlot& slot(std::string_view name) const;

  /// frozen[i]: slot i is not trained.
  void freeze(const std::vector<bool>& frozen);
  /// Adds A, uniform as the reference starts it, and B, zero; both are trained. `adapter` names a module and
  /// its targets, which exist.
  void append_adapter(LowRankAdapter adapter, std::int64_t rank);

 private:
  friend class LayoutBuilder;
  void append(ParameterSlot slot);
  void number_gradients();

  std::vector<ParameterSlot> slots_;
  std::size_t model_slots_ = 0;
  std::vector<LowRankAdapter> adapters_;
  std::int64_t total_ = 0;
  std::int64_t trained_total_ = 0;
};

}  // namespace epicrisis::train
