#pragma once

#include <cstdint>
#include <vector>

#include "base/token_id.hpp"
#include "checkpoint/checkpoint.hpp"

namespace epicrisis::testing {

/// A Pegasus of the given size: what its config.json would describe.
Architecture pegasus_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim,
                                  int max_positions);

/// Likewise for the other families, in their plainest form: T5 v1.0, and no limit on positions in T5 and
/// BLOOM.
Architecture bart_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim,
                               int max_positions);
Architecture t5_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim);
Architecture gpt2_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim,
                               int max_positions);
Architecture bloom_architecture(int vocab_size, int d_model, int layers, int heads, int ffn_dim);

/// A checkpoint of `architecture` with normally distributed weights that keep activations near one,
/// reproducible by `seed`, stored as `dtype` (float32, float16 or bfloat16).
Checkpoint random_checkpoint(const Architecture& architecture, std::uint32_t seed,
                             DType dtype = DType::kFloat32);

/// `count` token ids, none of them special, closed by the end-of-sequence token.
std::vector<TokenId> random_source(const Architecture& architecture, int count, std::uint32_t seed);

}  // namespace epicrisis::testing
