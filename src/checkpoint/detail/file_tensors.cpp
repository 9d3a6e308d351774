#include "checkpoint/detail/file_tensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace epicrisis::detail {

FileTensors::FileTensors(const Weights& weights, const Family& family)
    : weights_(weights), prefix_(family.base_prefix) {
  const auto& tensors = weights.tensors();
  bare_ = !prefix_.empty() && std::none_of(tensors.begin(), tensors.end(), [this](const auto& item) {
    return item.first.starts_with(prefix_);
  });
}

std::string_view FileTensors::name_here(std::string_view full_name) const {
  if (bare_ && full_name.starts_with(prefix_)) full_name.remove_prefix(prefix_.size());
  return full_name;
}

std::string FileTensors::full_name(std::string_view here) const {
  return bare_ ? fmt::format("{}{}", prefix_, here) : std::string(here);
}

std::string mismatch(const TensorView& tensor, const Parameter& parameter, std::string_view name) {
  if (tensor.shape != parameter.file_shape) {
    return fmt::format("tensor '{}' has shape {}, config.json asks for {}", name,
                       shape_to_string(tensor.shape), shape_to_string(parameter.file_shape));
  }
  if (!is_weight_dtype(tensor.dtype)) return fmt::format("tensor '{}' is {}", name, to_string(tensor.dtype));
  return {};
}

bool is_same(const TensorView& a, const TensorView& b) {
  if (a.dtype != b.dtype || a.data.size() != b.data.size()) return false;
  return a.data.data() == b.data.data() || std::memcmp(a.data.data(), b.data.data(), a.data.size()) == 0;
}

bool is_weight_dtype(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat16 || dtype == DType::kBFloat16;
}

}  // namespace epicrisis::detail
