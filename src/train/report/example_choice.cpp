#include "train/report/example_choice.hpp"

#include <algorithm>
#include <numeric>

#include "data/random_stream.hpp"

namespace epicrisis::train {

ExampleChoice choose_examples(const std::vector<double>& scores, std::size_t each, std::uint64_t seed) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return scores[i]; });
  const std::size_t count = std::min(each, order.size());
  ExampleChoice choice{order, order};
  choice.worst.resize(count);
  std::ranges::sort(choice.random);
  data::RandomStream(seed, 1).shuffle(choice.random);
  choice.random.resize(count);
  std::ranges::sort(choice.random);
  return choice;
}

}  // namespace epicrisis::train
