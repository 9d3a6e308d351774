#include "evaluate/detail/lcs.hpp"

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace epicrisis::evaluate::detail {
namespace {

constexpr std::size_t kBits = 64;

/// For each token of a sequence, the bits of the positions that hold it.
class PositionMasks {
 public:
  explicit PositionMasks(std::span<const std::uint32_t> sequence)
      : words_((sequence.size() + kBits - 1) / kBits) {
    for (std::size_t i = 0; i < sequence.size(); ++i) {
      const auto [entry, added] = offsets_.try_emplace(sequence[i], masks_.size());
      if (added) masks_.resize(masks_.size() + words_, 0);
      masks_[entry->second + i / kBits] |= std::uint64_t{1} << (i % kBits);
    }
  }

  std::size_t words() const noexcept { return words_; }
  /// words() words, or nothing for a token that does not occur.
  const std::uint64_t* find(std::uint32_t token) const {
    const auto entry = offsets_.find(token);
    return entry == offsets_.end() ? nullptr : masks_.data() + entry->second;
  }

 private:
  std::size_t words_;
  std::unordered_map<std::uint32_t, std::size_t> offsets_;
  std::vector<std::uint64_t> masks_;
};

/// One column of the LCS table as differences: bit i is 0 where the entry of i + 1 tokens of `a` is one
/// larger than that of i. Turns the column before a token of `b` into the one after it.
void next_column(std::span<std::uint64_t> column, const std::uint64_t* mask) {
  unsigned carry = 0;
  for (std::size_t w = 0; w < column.size(); ++w) {
    const std::uint64_t before = column[w];
    const std::uint64_t matched = before & mask[w];
    const std::uint64_t partial = before + matched;
    const std::uint64_t sum = partial + carry;
    carry = static_cast<unsigned>(partial < before) | static_cast<unsigned>(sum < partial);
    column[w] = sum | (before & ~mask[w]);
  }
}

/// Table entry of the first `length` tokens: the zeros among as many bits.
std::size_t count_zeros(std::span<const std::uint64_t> column, std::size_t length) {
  std::size_t ones = 0;
  for (std::size_t w = 0; w < length / kBits; ++w) ones += static_cast<std::size_t>(std::popcount(column[w]));
  if (const std::size_t rest = length % kBits; rest > 0) {
    const std::uint64_t low = (std::uint64_t{1} << rest) - 1;
    ones += static_cast<std::size_t>(std::popcount(column[length / kBits] & low));
  }
  return length - ones;
}

}  // namespace

std::size_t lcs_length(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  if (a.size() > b.size()) std::swap(a, b);  // masks of the shorter one
  const PositionMasks masks(a);
  std::vector<std::uint64_t> column(masks.words(), ~std::uint64_t{0});
  for (const std::uint32_t token : b) {
    if (const std::uint64_t* mask = masks.find(token); mask != nullptr) next_column(column, mask);
  }
  return count_zeros(column, a.size());
}

std::vector<std::size_t> lcs_positions(std::span<const std::uint32_t> reference,
                                       std::span<const std::uint32_t> candidate) {
  const PositionMasks masks(reference);
  const std::size_t words = masks.words();
  std::vector<std::uint64_t> table((candidate.size() + 1) * words, ~std::uint64_t{0});
  const auto column = [&](std::size_t j) { return std::span(table).subspan(j * words, words); };
  for (std::size_t j = 0; j < candidate.size(); ++j) {
    std::ranges::copy(column(j), column(j + 1).begin());
    if (const std::uint64_t* mask = masks.find(candidate[j]); mask != nullptr)
      next_column(column(j + 1), mask);
  }

  std::vector<std::size_t> positions;
  std::size_t i = reference.size();
  std::size_t j = candidate.size();
  while (i > 0 && j > 0) {
    if (reference[i - 1] == candidate[j - 1]) {
      positions.push_back(--i);
      --j;
    } else if (count_zeros(column(j - 1), i) > count_zeros(column(j), i - 1)) {
      --j;
    } else {
      --i;
    }
  }
  std::ranges::reverse(positions);
  return positions;
}

}  // namespace epicrisis::evaluate::detail
