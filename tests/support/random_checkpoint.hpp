#pragma once

#include <cstdint>
#include <vector>

#include "base/token_id.hpp"
#include "checkpoint/model_shapes.hpp"
#include "checkpoint/random_checkpoint.hpp"

namespace epicrisis::testing {

using epicrisis::bart_architecture;
using epicrisis::bloom_architecture;
using epicrisis::gpt2_architecture;
using epicrisis::pegasus_architecture;
using epicrisis::random_checkpoint;
using epicrisis::t5_architecture;

/// `count` token ids, none of them special, closed by the end-of-sequence token.
std::vector<TokenId> random_source(const Architecture& architecture, int count, std::uint32_t seed);

}  // namespace epicrisis::testing
