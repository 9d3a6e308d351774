#include "generation/top_candidates.hpp"

#include <algorithm>

namespace epicrisis {
namespace {

constexpr std::size_t kBlock = 32;

/// Whether any score of a block beats `bar`; without a branch inside, so that it is vectorised.
bool any_above(const float* scores, float bar) noexcept {
  int found = 0;
  for (std::size_t i = 0; i < kBlock; ++i) found |= static_cast<int>(scores[i] > bar);
  return found != 0;
}

/// Inserts behind all entries of at least this score: ids arrive in rising order, so ties stay so.
void insert(Candidate candidate, std::size_t count, std::vector<Candidate>& best) {
  if (best.size() == count) best.pop_back();
  const auto place =
      std::upper_bound(best.begin(), best.end(), candidate,
                       [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  best.insert(place, candidate);
}

}  // namespace

void top_candidates(std::span<const float> scores, std::size_t count, std::vector<Candidate>& best) {
  best.clear();
  best.reserve(count);
  if (count == 0) return;
  const auto offer = [&](std::size_t token) {
    const float score = scores[token];
    const bool wanted = best.size() < count ? score == score : score > best.back().score;
    if (wanted) insert({static_cast<TokenId>(token), score}, count, best);
  };
  std::size_t token = 0;
  while (token < scores.size() && best.size() < count) offer(token++);
  for (; token + kBlock <= scores.size(); token += kBlock) {
    if (!any_above(scores.data() + token, best.back().score)) continue;
    for (std::size_t i = 0; i < kBlock; ++i) offer(token + i);
  }
  for (; token < scores.size(); ++token) offer(token);
}

TokenId arg_max(std::span<const float> scores) {
  std::vector<Candidate> best;
  top_candidates(scores, 1, best);
  return best.empty() ? -1 : best.front().token;
}

}  // namespace epicrisis
