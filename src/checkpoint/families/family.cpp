#include "checkpoint/families/family.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace epicrisis {
namespace families {

extern const Family kBart;
extern const Family kBloom;
extern const Family kGpt2;
extern const Family kMbart;
extern const Family kMt5;
extern const Family kPegasus;
extern const Family kT5;

}  // namespace families

namespace {

const std::array kFamilies = {
    &families::kBart, &families::kBloom,   &families::kGpt2, &families::kMbart,
    &families::kMt5,  &families::kPegasus, &families::kT5,
};

}  // namespace

const Family* find_family(std::string_view model_type) {
  const auto* const found = std::find_if(kFamilies.begin(), kFamilies.end(), [&](const Family* family) {
    return family->model_type == model_type;
  });
  return found == kFamilies.end() ? nullptr : *found;
}

std::string known_families() {
  std::vector<std::string_view> names;
  for (const Family* family : kFamilies) names.push_back(family->model_type);
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace epicrisis
