#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "generation/generate.hpp"

namespace epicrisis {

/// Told after a step what the first hypothesis is sure to begin with, prompt included; never less than
/// before.
using SettledTokens = std::function<void(const std::vector<TokenId>& ids)>;

/// generate() for one source that tells of tokens as they settle: of greedy search and sampling each token,
/// of a beam search those that all beams share. The hypotheses are those of generate().
Result<std::vector<Hypothesis>> generate_streaming(const Backend& backend, const std::vector<TokenId>& source,
                                                   const GenerationConfig& config,
                                                   const SettledTokens& settled, std::stop_token stop = {});

}  // namespace epicrisis
