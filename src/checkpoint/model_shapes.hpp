#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "checkpoint/architecture.hpp"

namespace epicrisis {

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

/// Names of models whose shapes are known without their files; "bundled" is the one we ship.
inline constexpr std::array<std::string_view, 6> kPublishedShapes = {
    "pegasus-large", "flan-t5-base", "bart-large", "gpt2", "bloom-560m", "bundled"};

/// The Architecture of one of kPublishedShapes; nothing for another name.
std::optional<Architecture> published_shape(std::string_view name);

}  // namespace epicrisis
