#include "generation/independent_search.hpp"
#include "generation/top_candidates.hpp"

namespace epicrisis {
namespace {

/// Takes the likeliest token; of equal ones the lowest id.
class LikeliestToken final : public TokenChooser {
 public:
  TokenId choose(std::span<float> scores) override { return arg_max(scores); }
};

}  // namespace

std::unique_ptr<Search> make_greedy_search(SearchInput input) {
  std::vector<std::unique_ptr<TokenChooser>> choosers;
  choosers.push_back(std::make_unique<LikeliestToken>());
  return std::make_unique<IndependentSearch>(std::move(input), std::move(choosers));
}

}  // namespace epicrisis
