#pragma once

#include "base/token_id.hpp"
#include "engine/model/model_weights.hpp"

namespace epicrisis::engine {

/// x = scale * embedding of `token` + position. x: [D]; position: [D], or null where positions enter
/// elsewhere.
void embed_token(const ModelWeights& model, TokenId token, const float* position, float* x) noexcept;

}  // namespace epicrisis::engine
