#pragma once

#include <string>
#include <string_view>

namespace epicrisis {

// A model folder may hold hidden files that were computed from its weights and can be computed again. They
// are no part of the model: nothing copies, packs or verifies them.

inline constexpr std::string_view kDerivedFilePrefix = ".epicrisis-";

inline std::string derived_file_name(std::string_view name) {
  return std::string(kDerivedFilePrefix) + std::string(name);
}

inline bool is_derived_file(std::string_view file_name) noexcept {
  return file_name.starts_with(kDerivedFilePrefix);
}

}  // namespace epicrisis
