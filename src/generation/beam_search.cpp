#include <algorithm>
#include <utility>

#include "generation/beam_hypotheses.hpp"
#include "generation/log_softmax.hpp"
#include "generation/logits_processors/logits_processor.hpp"
#include "generation/search.hpp"
#include "generation/top_candidates.hpp"

namespace epicrisis {
namespace {

/// All beams start as the same prompt; this keeps every beam but the first from being chosen as long as the
/// first has candidates left.
constexpr double kHandicap = -1e9;

/// A continuation of a beam.
struct Extension {
  int beam = 0;
  TokenId token = 0;
  double sum_log_probs = 0;
};

/// Ties go to the earlier beam, then to the lower token.
bool ranks_before(const Extension& a, const Extension& b) {
  if (a.sum_log_probs != b.sum_log_probs) return a.sum_log_probs > b.sum_log_probs;
  if (a.beam != b.beam) return a.beam < b.beam;
  return a.token < b.token;
}

/// Beam search as transformers 4.27 does it: log-softmax, then the processors; 2 * num_beams candidates a
/// step, of which an end-of-sequence token counts only among the first num_beams.
class BeamSearch final : public Search {
 public:
  explicit BeamSearch(SearchInput input)
      : config_(input.config),
        limits_(input.limits),
        vocab_size_(static_cast<std::size_t>(input.vocab_size)),
        processors_(make_logits_processors(input.config, input.source, input.limits)),
        finished_(input.config, input.limits.max) {
    const auto beams = static_cast<std::size_t>(config_.num_beams);
    // One more for every further end-of-sequence token: num_beams others must always remain.
    candidates_per_step_ = beams * (1 + std::max<std::size_t>(1, config_.eos_token_ids.size()));
    beams_.assign(beams, {std::move(input.prompt), kHandicap});
    beams_[0].sum_log_probs = 0;
    next_beams_.resize(beams);
    rows_ = {{-1, beams_[0].ids}};  // the beams are still equal: one row stands for all
  }

  int max_rows() const noexcept override { return config_.num_beams; }
  std::span<const SearchRow> rows() const noexcept override { return rows_; }

  Result<bool> advance(std::span<float> logits) override {
    collect(logits);
    if (extensions_.size() < beams_.size()) return broken_logits();
    const std::size_t filled = extend_beams();
    if (filled < beams_.size()) return broken_logits();
    const int length = static_cast<int>(beams_[0].ids.size());
    done_ = finished_.is_done(extensions_.front().sum_log_probs, length);
    if (done_ || length >= limits_.max) return true;
    return false;
  }

  std::vector<Hypothesis> take_results() override {
    if (!done_) {
      for (const Beam& beam : beams_) finished_.add(beam.ids, beam.sum_log_probs, false);
    }
    const TokenId eos = config_.eos_token_ids.empty() ? 0 : config_.eos_token_ids.front();
    return finished_.best(static_cast<std::size_t>(config_.num_return_sequences), eos);
  }

 private:
  struct Beam {
    std::vector<TokenId> ids;
    double sum_log_probs = 0;
  };

  /// Fills extensions_ with the best candidates over all beams, best first.
  void collect(std::span<float> logits) {
    extensions_.clear();
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const std::span<float> scores = logits.subspan(row * vocab_size_, vocab_size_);
      log_softmax(scores);
      for (const auto& processor : processors_) processor->apply(beams_[row].ids, scores);
      top_candidates(scores, candidates_per_step_, best_of_row_);
      const std::size_t last_beam = rows_.size() == 1 ? beams_.size() : row + 1;
      for (std::size_t beam = row; beam < last_beam; ++beam) {
        for (const Candidate& candidate : best_of_row_) {
          extensions_.push_back({static_cast<int>(beam), candidate.token,
                                 beams_[beam].sum_log_probs + static_cast<double>(candidate.score)});
        }
      }
    }
    const std::size_t kept = std::min(candidates_per_step_, extensions_.size());
    std::partial_sort(extensions_.begin(), extensions_.begin() + static_cast<std::ptrdiff_t>(kept),
                      extensions_.end(), ranks_before);
    extensions_.resize(kept);
  }

  /// Moves finished candidates to finished_ and the best others to the beams; how many of them there were.
  std::size_t extend_beams() {
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

  const GenerationConfig& config_;
  LengthLimits limits_;
  std::size_t vocab_size_;
  std::size_t candidates_per_step_ = 0;
  LogitsProcessors processors_;
  BeamHypotheses finished_;
  bool done_ = false;
  std::vector<Beam> beams_;
  std::vector<Beam> next_beams_;
  std::vector<SearchRow> rows_;
  std::vector<Candidate> best_of_row_;
  std::vector<Extension> extensions_;
};

}  // namespace

std::unique_ptr<Search> make_beam_search(SearchInput input) {
  return std::make_unique<BeamSearch>(std::move(input));
}

}  // namespace epicrisis
