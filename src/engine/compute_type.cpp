#include "engine/compute_type.hpp"

#include <algorithm>
#include <array>

namespace epicrisis {
namespace {

struct TypeName {
  std::string_view name;
  ComputeType type;
};
// The first name of a type is the one it is called by.
constexpr std::array kNames = {TypeName{"float32", ComputeType::kFloat32},
                               TypeName{"bfloat16", ComputeType::kBFloat16},
                               TypeName{"int8", ComputeType::kInt8}, TypeName{"fp32", ComputeType::kFloat32},
                               TypeName{"bf16", ComputeType::kBFloat16}};

}  // namespace

std::string_view to_string(ComputeType type) noexcept {
  const auto* const found = std::find_if(kNames.begin(), kNames.end(),
                                         [type](const TypeName& known) { return known.type == type; });
  return found == kNames.end() ? "" : found->name;
}

std::optional<ComputeType> parse_compute_type(std::string_view name) noexcept {
  const auto* const found = std::find_if(kNames.begin(), kNames.end(),
                                         [name](const TypeName& known) { return known.name == name; });
  return found == kNames.end() ? std::nullopt : std::optional(found->type);
}

}  // namespace epicrisis
