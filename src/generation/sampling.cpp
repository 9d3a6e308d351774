#include "generation/sampling.hpp"

#include <random>

#include "generation/independent_search.hpp"
#include "generation/random.hpp"
#include "generation/sampling_filters.hpp"

namespace epicrisis {
namespace {

/// Draws from the distribution that the filters leave.
class DrawnToken final : public TokenChooser {
 public:
  DrawnToken(const SamplingSettings& settings, RandomStream random) : settings_(settings), random_(random) {}

  TokenId choose(std::span<float> scores) override {
    const std::vector<TokenProbability> distribution = filtered_distribution(scores, settings_);
    double left = random_.uniform();
    for (const TokenProbability& entry : distribution) {
      left -= entry.probability;
      if (left < 0) return entry.token;
    }
    return distribution.empty() ? -1 : distribution.back().token;  // what rounding left over
  }

 private:
  SamplingSettings settings_;
  RandomStream random_;
};

}  // namespace

std::uint64_t sampling_seed(const GenerationConfig& config) {
  if (config.seed) return *config.seed;
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

std::unique_ptr<Search> make_sampling(SearchInput input) {
  const GenerationConfig& config = input.config;
  // A stream a sequence, numbered within its source: what a seed gives does not depend on batch mates.
  const std::uint64_t seed = sampling_seed(config);
  std::vector<std::unique_ptr<TokenChooser>> choosers;
  for (int i = 0; i < config.num_return_sequences; ++i) {
    choosers.push_back(std::make_unique<DrawnToken>(sampling_settings(config),
                                                    RandomStream(seed, static_cast<std::uint64_t>(i))));
  }
  return std::make_unique<IndependentSearch>(std::move(input), std::move(choosers));
}

}  // namespace epicrisis
