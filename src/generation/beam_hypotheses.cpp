#include "generation/beam_hypotheses.hpp"

#include <algorithm>
#include <cmath>

namespace epicrisis {

BeamHypotheses::BeamHypotheses(const GenerationConfig& config, int max_length)
    : capacity_(static_cast<std::size_t>(config.num_beams)),
      early_stopping_(config.early_stopping),
      length_penalty_(config.length_penalty),
      max_length_(max_length) {}

double BeamHypotheses::normalised(double sum_log_probs, int length) const {
  return sum_log_probs / std::pow(static_cast<double>(length), length_penalty_);
}

double BeamHypotheses::worst_score() const {
  return std::min_element(entries_.begin(), entries_.end(),
                          [](const Entry& a, const Entry& b) { return a.score < b.score; })
      ->score;
}

void BeamHypotheses::add(const std::vector<TokenId>& ids, double sum_log_probs, bool ended) {
  const double score = normalised(sum_log_probs, static_cast<int>(ids.size()));
  if (entries_.size() == capacity_) {
    const auto worst = std::min_element(entries_.begin(), entries_.end(),
                                        [](const Entry& a, const Entry& b) { return a.score < b.score; });
    if (!(score > worst->score)) return;
    entries_.erase(worst);
  }
  entries_.push_back({score, ended, ids});
}

bool BeamHypotheses::is_done(double best_sum_log_probs, int length) const {
  if (entries_.size() < capacity_) return false;
  if (early_stopping_ == EarlyStopping::kTrue) return true;
  const bool at_longest = early_stopping_ == EarlyStopping::kNever && length_penalty_ > 0.0;
  return worst_score() >= normalised(best_sum_log_probs, at_longest ? max_length_ : length);
}

std::vector<Hypothesis> BeamHypotheses::best(std::size_t count, TokenId eos) const {
  std::vector<const Entry*> order;
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) order.push_back(&*entry);
  std::stable_sort(order.begin(), order.end(),
                   [](const Entry* a, const Entry* b) { return a->score > b->score; });
  order.resize(std::min(count, order.size()));
  std::vector<Hypothesis> results;
  for (const Entry* entry : order) {
    results.push_back({entry->ids, entry->score});
    if (entry->ended) results.back().ids.push_back(eos);
  }
  return results;
}

void cut_to_common_prefix(std::vector<TokenId>& ids, const std::vector<TokenId>& other) {
  ids.erase(std::mismatch(ids.begin(), ids.end(), other.begin(), other.end()).first, ids.end());
}

void BeamHypotheses::cut_to_common_prefix_with_all(std::vector<TokenId>& ids) const {
  for (const Entry& entry : entries_) cut_to_common_prefix(ids, entry.ids);
}

}  // namespace epicrisis
