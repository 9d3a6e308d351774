#pragma once

#include <string>
#include <string_view>

#include "checkpoint/families/family.hpp"
#include "checkpoint/weights.hpp"

namespace epicrisis::detail {

/// Tensors by the name they have in a file of the whole model, whether it or its bare base model was saved.
class FileTensors {
 public:
  FileTensors(const Weights& weights, const Family& family);

  /// Name in this file: without the prefix when the bare base model was saved.
  std::string_view name_here(std::string_view full_name) const;
  /// Name in a file of the whole model.
  std::string full_name(std::string_view here) const;
  /// Null when there is no such tensor.
  const TensorView* find(std::string_view full_name) const { return weights_.find(name_here(full_name)); }

 private:
  const Weights& weights_;
  std::string_view prefix_;
  bool bare_ = false;
};

/// Why `tensor` cannot be `parameter`: another shape (with both), or elements that no weight has; empty when
/// it can.
std::string mismatch(const TensorView& tensor, const Parameter& parameter, std::string_view name);

/// Same type and bytes.
bool is_same(const TensorView& a, const TensorView& b);

/// Whether weights may have this element type.
bool is_weight_dtype(DType dtype);

}  // namespace epicrisis::detail
