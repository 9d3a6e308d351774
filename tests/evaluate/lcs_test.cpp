#include "evaluate/detail/lcs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace epicrisis::evaluate::detail {
namespace {

using Words = std::vector<std::uint32_t>;
using Table = std::vector<std::vector<std::size_t>>;

/// The table as textbooks fill it.
Table lcs_table(const Words& a, const Words& b) {
  Table table(a.size() + 1, std::vector<std::size_t>(b.size() + 1, 0));
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      table[i][j] =
          a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1 : std::max(table[i - 1][j], table[i][j - 1]);
    }
  }
  return table;
}

std::vector<std::size_t> walk_back(const Words& reference, const Words& candidate) {
  const Table table = lcs_table(reference, candidate);
  std::vector<std::size_t> positions;
  for (std::size_t i = reference.size(), j = candidate.size(); i > 0 && j > 0;) {
    if (reference[i - 1] == candidate[j - 1]) {
      positions.insert(positions.begin(), --i);
      --j;
    } else if (table[i][j - 1] > table[i - 1][j]) {
      --j;
    } else {
      --i;
    }
  }
  return positions;
}

Words random_words(std::mt19937& random, std::size_t size, std::uint32_t vocabulary) {
  Words words(size);
  for (auto& word : words) word = random() % vocabulary;
  return words;
}

TEST(Lcs, EqualsTheTableOnRandomSequencesOfEveryWordSize) {
  constexpr unsigned kSeed = 11;
  std::mt19937 random(kSeed);
  // Around the 64-bit borders, where carries cross words.
  for (const std::size_t size : {0, 1, 2, 5, 63, 64, 65, 127, 128, 129, 200}) {
    for (const std::uint32_t vocabulary : {1, 2, 5, 40}) {
      const Words a = random_words(random, size, vocabulary);
      const Words b = random_words(random, random() % 150, vocabulary);
      EXPECT_EQ(lcs_length(a, b), lcs_table(a, b).back().back()) << "seed " << kSeed << ", size " << size;
      EXPECT_EQ(lcs_length(b, a), lcs_length(a, b));
      EXPECT_EQ(lcs_positions(a, b), walk_back(a, b)) << "seed " << kSeed << ", size " << size;
      EXPECT_EQ(lcs_positions(b, a), walk_back(b, a)) << "seed " << kSeed << ", size " << size;
    }
  }
}

TEST(Lcs, ALongCopyIsItself) {
  std::mt19937 random(3);
  const Words words = random_words(random, 20'000, 3'000);
  EXPECT_EQ(lcs_length(words, words), words.size());
}

}  // namespace
}  // namespace epicrisis::evaluate::detail
