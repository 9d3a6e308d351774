#include "generation/beam_search.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "generation/log_softmax.hpp"
#include "generation/top_candidates.hpp"

namespace epicrisis {
namespace {

/// All beams start as the same prompt; this keeps every beam but the first from being chosen as long as the
/// first has candidates left.
constexpr double kHandicap = -1e9;

/// The best continuations over all beams.
class BestExtensions final : public ExtensionChooser {
 public:
  explicit BestExtensions(std::size_t count) : count_(count) {}

  double initial_sum(int beam) const override { return beam == 0 ? 0 : kHandicap; }

  void offer(std::span<const float> scores, int first_beam, std::span<const double> sums) override {
    top_candidates(scores, count_, best_of_row_);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      for (const Candidate& candidate : best_of_row_) {
        offered_.push_back({first_beam + static_cast<int>(i), candidate.token,
                            sums[i] + static_cast<double>(candidate.score)});
      }
    }
  }

  void choose(std::vector<Extension>& chosen) override {
    const std::size_t kept = std::min(count_, offered_.size());
    std::partial_sort(offered_.begin(), offered_.begin() + static_cast<std::ptrdiff_t>(kept), offered_.end(),
                      ranks_before);
    chosen.assign(offered_.begin(), offered_.begin() + static_cast<std::ptrdiff_t>(kept));
    offered_.clear();
  }

 private:
  std::size_t count_;
  std::vector<Candidate> best_of_row_;
  std::vector<Extension> offered_;
};

}  // namespace

bool ranks_before(const Extension& a, const Extension& b) noexcept {
  if (a.sum_log_probs != b.sum_log_probs) return a.sum_log_probs > b.sum_log_probs;
  if (a.beam != b.beam) return a.beam < b.beam;
  return a.token < b.token;
}

BeamSearch::BeamSearch(SearchInput input, std::unique_ptr<ExtensionChooser> chooser, int returned)
    : config_(input.config),
      limits_(input.limits),
      vocab_size_(static_cast<std::size_t>(input.vocab_size)),
      processors_(make_logits_processors(input.config, input.source, input.limits)),
      chooser_(std::move(chooser)),
      returned_(static_cast<std::size_t>(returned)),
      finished_(input.config, input.limits.max) {
  for (int beam = 0; beam < config_.num_beams; ++beam) {
    beams_.push_back({input.prompt, chooser_->initial_sum(beam)});
  }
  next_beams_.resize(beams_.size());
  rows_ = {{-1, beams_[0].ids}};  // the beams are still equal: one row stands for all
}

Result<bool> BeamSearch::advance(std::span<float> logits) {
  collect(logits);
  if (extensions_.empty()) return broken_logits();
  const double best = extensions_.front().sum_log_probs;
  const std::size_t filled = extend_beams();
  if (filled < beams_.size()) return broken_logits();
  if (std::isinf(best)) return true;  // no continuation is possible: what is finished is all there will be
  const int length = static_cast<int>(beams_[0].ids.size());
  done_ = finished_.is_done(best, length);
  return done_ || length >= limits_.max;
}

std::vector<TokenId> BeamSearch::settled() const {
  std::vector<TokenId> shared = beams_.front().ids;
  for (const Beam& beam : beams_) cut_to_common_prefix(shared, beam.ids);
  finished_.cut_to_common_prefix_with_all(shared);
  return shared;
}

std::vector<Hypothesis> BeamSearch::take_results() {
  if (!done_) {
    for (const Beam& beam : beams_) finished_.add(beam.ids, beam.sum_log_probs, false);
  }
  const TokenId eos = config_.eos_token_ids.empty() ? 0 : config_.eos_token_ids.front();
  return finished_.best(returned_, eos);
}

/// Fills extensions_ with the candidates of this step.
void BeamSearch::collect(std::span<float> logits) {
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    const std::span<float> scores = logits.subspan(row * vocab_size_, vocab_size_);
    log_softmax(scores);
    for (const auto& processor : processors_) processor->apply(beams_[row].ids, scores);
    const std::size_t past_last = rows_.size() == 1 ? beams_.size() : row + 1;
    sums_.clear();
    for (std::size_t beam = row; beam < past_last; ++beam) sums_.push_back(beams_[beam].sum_log_probs);
    chooser_->offer(scores, static_cast<int>(row), sums_);
  }
  chooser_->choose(extensions_);
}

/// Moves finished candidates to finished_ and the best others to the beams; how many of them there were.
std::size_t BeamSearch::extend_beams() {
  const bool all_in_one_row = rows_.size() == 1;
  rows_.clear();
  std::size_t filled = 0;
  for (std::size_t rank = 0; rank < extensions_.size() && filled < beams_.size(); ++rank) {
    const Extension& extension = extensions_[rank];
    const Beam& parent = beams_[static_cast<std::size_t>(extension.beam)];
    if (is_end_of_sequence(extension.token, config_.eos_token_ids)) {
      if (rank < beams_.size()) finished_.add(parent.ids, extension.sum_log_probs, true);
      continue;
    }
    Beam& next = next_beams_[filled++];
    next.ids = parent.ids;
    next.ids.push_back(extension.token);
    next.sum_log_probs = extension.sum_log_probs;
    rows_.push_back({all_in_one_row ? 0 : extension.beam, {}});
  }
  std::swap(beams_, next_beams_);
  for (std::size_t row = 0; row < rows_.size(); ++row) rows_[row].tokens = {&beams_[row].ids.back(), 1};
  return filled;
}

std::unique_ptr<Search> make_beam_search(SearchInput input) {
  const GenerationConfig& config = input.config;
  // One more a beam for every further end-of-sequence token: num_beams others must always remain.
  const std::size_t count = static_cast<std::size_t>(config.num_beams) *
                            (1 + std::max<std::size_t>(1, config.eos_token_ids.size()));
  const int returned = config.num_return_sequences;
  return std::make_unique<BeamSearch>(std::move(input), std::make_unique<BestExtensions>(count), returned);
}

}  // namespace epicrisis
