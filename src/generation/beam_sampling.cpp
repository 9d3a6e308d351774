#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "generation/beam_search.hpp"
#include "generation/parallel_searches.hpp"
#include "generation/random.hpp"
#include "generation/sampling.hpp"
#include "generation/sampling_filters.hpp"

namespace epicrisis {
namespace {

constexpr double kImpossible = -std::numeric_limits<double>::infinity();

/// Draws 2 * num_beams continuations of all beams without putting any back, likelier ones sooner.
///
/// The filters see a beam's sum of log-probabilities with each score, as in the reference: the temperature
/// divides sums, too, and renormalising forgets them.
class DrawnExtensions final : public ExtensionChooser {
 public:
  DrawnExtensions(const GenerationConfig& config, RandomStream random)
      : config_(config),
        settings_(sampling_settings(config)),
        beams_(static_cast<std::size_t>(config.num_beams)),
        random_(random) {}

  double initial_sum(int /*beam*/) const override { return 0; }

  void offer(std::span<const float> scores, int first_beam, std::span<const double> sums) override {
    const std::vector<TokenProbability> distribution = filtered_distribution(scores, settings_);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      for (const TokenProbability& entry : distribution) {
        const auto score = static_cast<double>(scores[static_cast<std::size_t>(entry.token)]);
        const double sum = config_.renormalize_logits ? std::log(entry.probability)
                                                      : (sums[i] + score) / settings_.temperature;
        offered_.push_back({first_beam + static_cast<int>(i), entry.token, sum});
      }
    }
  }

  void choose(std::vector<Extension>& chosen) override {
    chosen.clear();
    if (offered_.empty()) return;
    weigh();
    const std::size_t count = 2 * beams_;
    while (chosen.size() < count && draw(chosen)) {
    }
    add_impossible(count, chosen);
    std::sort(chosen.begin(), chosen.end(), ranks_before);
    offered_.clear();
  }

 private:
  /// weights_: what each of offered_ is drawn in proportion to.
  void weigh() {
    double best = kImpossible;
    for (const Extension& extension : offered_) best = std::max(best, extension.sum_log_probs);
    weights_.clear();
    for (const Extension& extension : offered_) {
      weights_.push_back(best == kImpossible ? 0 : std::exp(extension.sum_log_probs - best));
    }
  }

  /// False when nothing is left that can be drawn.
  bool draw(std::vector<Extension>& chosen) {
    double total = 0;
    for (const double weight : weights_) total += weight;
    if (!(total > 0)) return false;
    double left = random_.uniform() * total;
    std::size_t drawn = weights_.size();
    for (std::size_t i = 0; i < weights_.size() && (drawn == weights_.size() || left >= 0); ++i) {
      if (weights_[i] == 0) continue;
      drawn = i;  // the last that can be drawn takes what rounding left over
      left -= weights_[i];
    }
    chosen.push_back(offered_[drawn]);
    weights_[drawn] = 0;
    return true;
  }

  /// Where a setting leaves too few continuations, ones of no probability fill the places, as in the
  /// reference: they win over nothing, but every beam goes on.
  void add_impossible(std::size_t count, std::vector<Extension>& chosen) const {
    TokenId token = 0;
    while (is_end_of_sequence(token, config_.eos_token_ids)) ++token;
    const auto filler = Extension{0, token, kImpossible};
    const auto goes_on = [&](const Extension& extension) {
      return !is_end_of_sequence(extension.token, config_.eos_token_ids);
    };
    auto going_on = static_cast<std::size_t>(std::count_if(chosen.begin(), chosen.end(), goes_on));
    for (; chosen.size() < count || going_on < beams_; ++going_on) chosen.push_back(filler);
  }

  const GenerationConfig& config_;
  SamplingSettings settings_;
  std::size_t beams_;
  RandomStream random_;
  std::vector<Extension> offered_;
  std::vector<double> weights_;
};

}  // namespace

std::unique_ptr<Search> make_beam_sampling(SearchInput input) {
  const GenerationConfig& config = input.config;
  const std::uint64_t seed = sampling_seed(config);
  std::vector<std::unique_ptr<Search>> searches;
  for (int i = 0; i < config.num_return_sequences; ++i) {
    auto chooser =
        std::make_unique<DrawnExtensions>(config, RandomStream(seed, static_cast<std::uint64_t>(i)));
    searches.push_back(std::make_unique<BeamSearch>(input, std::move(chooser), 1));
  }
  if (searches.size() == 1) return std::move(searches.front());
  return std::make_unique<ParallelSearches>(std::move(searches), input.vocab_size);
}

}  // namespace epicrisis
