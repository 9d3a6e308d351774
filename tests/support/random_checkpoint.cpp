#include "support/random_checkpoint.hpp"

#include <random>

namespace epicrisis::testing {

std::vector<TokenId> random_source(const Architecture& architecture, int count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<TokenId> token(2, architecture.vocab_size - 1);
  std::vector<TokenId> source;
  while (static_cast<int>(source.size()) + 1 < count) source.push_back(token(random));
  source.push_back(architecture.eos_token_id);
  return source;
}

}  // namespace epicrisis::testing
