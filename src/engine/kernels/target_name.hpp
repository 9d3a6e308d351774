#pragma once

#include <string_view>

namespace epicrisis::kernels {

/// The instruction set that the vector kernels run on here ("AVX2").
std::string_view target_name() noexcept;

}  // namespace epicrisis::kernels
