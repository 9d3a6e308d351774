#include "generation/generate.hpp"

#include <optional>
#include <utility>

#include "generation/continuous_batch.hpp"
#include "generation/generation_request.hpp"

namespace epicrisis {

Error broken_logits() {
  return {ErrorCode::kCorrupt, "The model computes values that are not numbers: its weights are damaged.",
          ""};
}

Result<std::vector<std::vector<Hypothesis>>> generate(const Backend& backend,
                                                      std::span<const std::vector<TokenId>> sources,
                                                      const GenerationConfig& config, std::stop_token stop) {
  EPICRISIS_RETURN_IF_ERROR(check_request(backend, sources, config));
  std::vector<std::vector<Hypothesis>> results(sources.size());
  std::optional<Error> failure;
  std::vector<BatchRequest> requests;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    auto done = [&results, &failure, i](Result<std::vector<Hypothesis>> result) {
      if (result) {
        results[i] = std::move(*result);
      } else if (!failure) {
        failure = std::move(result).error();
      }
    };
    requests.push_back({sources[i], &config, stop, {}, std::move(done)});
  }
  ContinuousBatch batch(backend, {.max_stall = BatchOptions::kUnbounded});
  batch.add(std::move(requests));
  while (!batch.is_idle() && !failure) batch.turn();
  if (failure) return *std::move(failure);
  return results;
}

}  // namespace epicrisis
