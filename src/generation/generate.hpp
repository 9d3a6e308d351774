#pragma once

#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/result.hpp"
#include "generation/backend.hpp"
#include "generation/generation_config.hpp"

namespace epicrisis {

/// One generated sequence of a source.
struct Hypothesis {
  std::vector<TokenId>
      ids;  ///< Start token (or prompt) first; the closing end-of-sequence token last, if it was reached.
  double score = 0;  ///< Beam search: sum of log-probabilities over length^length_penalty. Else: sum of
                     ///< log-probabilities.
  int steps = 0;     ///< Greedy search and sampling: of the model; fewer than tokens where drafts came true.
};

/// Generates for every source as if it were alone: batch mates never change a result. The outer vector
/// follows `sources`; the inner one holds num_return_sequences hypotheses, of a search best first, of
/// sampling in the order drawn. The source of a decoder-only model is its prompt, which the hypotheses begin
/// with. Errors: kInvalidArgument (settings, empty source), kCancelled once `stop` is requested, and what the
/// backend reports.
Result<std::vector<std::vector<Hypothesis>>> generate(const Backend& backend,
                                                      std::span<const std::vector<TokenId>> sources,
                                                      const GenerationConfig& config,
                                                      std::stop_token stop = {});

}  // namespace epicrisis
