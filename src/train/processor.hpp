#pragma once

namespace epicrisis::train {

/// Whether this CPU has instructions that multiply bfloat16 (AVX512_BF16 or AMX-BF16); without, it is
/// emulated and slow.
bool cpu_multiplies_bfloat16();

}  // namespace epicrisis::train
