#include "train/optimizer_kind.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/nearest_name.hpp"

namespace epicrisis::train {
namespace {

constexpr std::array kOptimizers = {
    std::pair<std::string_view, OptimizerKind>{"adam", OptimizerKind::kAdam},
    std::pair<std::string_view, OptimizerKind>{"adamw", OptimizerKind::kAdamW},
    std::pair<std::string_view, OptimizerKind>{"adamw_torch", OptimizerKind::kAdamW},
    std::pair<std::string_view, OptimizerKind>{"adamw_torch_fused", OptimizerKind::kAdamW},
    std::pair<std::string_view, OptimizerKind>{"sgd", OptimizerKind::kSgd},
    std::pair<std::string_view, OptimizerKind>{"adafactor", OptimizerKind::kAdafactor}};

}  // namespace

Result<OptimizerKind> parse_optimizer(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [own, kind] : kOptimizers) {
    if (own == name) return kind;
    known.emplace_back(own);
  }
  const std::string_view nearest = nearest_name(name, known);
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("--optim must be adam, adamw, sgd or adafactor{}.",
                           nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)),
               {}};
}

}  // namespace epicrisis::train
