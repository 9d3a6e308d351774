#include "generation/speculation/draft_cost.hpp"

#include <algorithm>

namespace epicrisis {
namespace {

constexpr double kMemory = 0.99;  // what a step counts one step later
constexpr double kOutlier = 3;    // times the mean: the machine did something else
constexpr double kGuessedRows =
    2;  // rows whose part of the time is guessed to be as long as the constant one
constexpr double kLeastShare = 0.02;  // a token is never free
constexpr double kLeastWeight = 4;    // steps before their mean says what an outlier is
constexpr double kLeastSpread = 0.1;  // variance of the number of tokens from which a slope can be told

}  // namespace

void DraftCost::record(std::size_t tokens, double seconds) noexcept {
  if (weight_ > kLeastWeight) seconds = std::min(seconds, kOutlier * seconds_ / weight_);
  const auto count = static_cast<double>(tokens);
  for (double* sum : {&weight_, &tokens_, &seconds_, &tokens_squared_, &tokens_seconds_}) *sum *= kMemory;
  weight_ += 1;
  tokens_ += count;
  seconds_ += seconds;
  tokens_squared_ += count * count;
  tokens_seconds_ += count * seconds;
}

double DraftCost::share(std::size_t rows) const noexcept {
  const auto count = static_cast<double>(rows);
  const double guess = count / (count + kGuessedRows);
  if (weight_ <= kLeastWeight) return guess;
  const double mean_tokens = tokens_ / weight_;
  const double spread = tokens_squared_ / weight_ - mean_tokens * mean_tokens;
  if (spread < kLeastSpread) return guess;
  const double slope = (tokens_seconds_ / weight_ - mean_tokens * seconds_ / weight_) / spread;
  const double constant = seconds_ / weight_ - slope * mean_tokens;
  if (slope <= 0) return kLeastShare;
  if (constant <= 0) return 1;
  return std::clamp(slope * count / (constant + slope * count), kLeastShare, 1.0);
}

}  // namespace epicrisis
