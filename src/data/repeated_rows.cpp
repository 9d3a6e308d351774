#include "data/repeated_rows.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace epicrisis::data {
namespace {

/// Indices of a split by note, summary and place, so that equal ones stand together, the first in front.
std::vector<std::uint32_t> by_text(const PreparedSplit& split) {
  std::vector<std::uint32_t> order(split.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto key = [&](std::uint32_t index) {
    return std::tuple(split.row(index).note_hash, split.row(index).summary_hash, index);
  };
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return key(a) < key(b); });
  return order;
}

void sort_by_index(std::vector<RepeatedRow>& repeats) {
  std::sort(repeats.begin(), repeats.end(),
            [](const RepeatedRow& a, const RepeatedRow& b) { return a.index < b.index; });
}

}  // namespace

std::vector<RepeatedRow> repeats_within(const PreparedSplit& split) {
  const std::vector<std::uint32_t> order = by_text(split);
  const auto note = [&](std::size_t place) { return split.row(order[place]).note_hash; };
  std::vector<RepeatedRow> repeats;
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    std::uint32_t first = order[begin];
    for (end = begin; end < order.size() && note(end) == note(begin); ++end)
      first = std::min(first, order[end]);
    std::size_t pair = begin;  // where the run of the same summary begins
    for (std::size_t place = begin; place < end; ++place) {
      if (split.row(order[place]).summary_hash != split.row(order[pair]).summary_hash) pair = place;
      if (place > pair)
        repeats.push_back({order[place], order[pair], true});
      else if (order[place] != first)
        repeats.push_back({order[place], first, false});
    }
  }
  sort_by_index(repeats);
  return repeats;
}

std::vector<RepeatedRow> repeats_across(const PreparedSplit& train, const PreparedSplit& validation) {
  const std::vector<std::uint32_t> order = by_text(train);
  // The first training example at or after (note, summary) in that order.
  const auto find = [&](std::uint64_t note, std::uint64_t summary) {
    return std::lower_bound(
        order.begin(), order.end(), std::tuple(note, summary), [&](std::uint32_t index, const auto& wanted) {
          return std::tuple(train.row(index).note_hash, train.row(index).summary_hash) < wanted;
        });
  };
  std::vector<RepeatedRow> repeats;
  for (std::uint32_t i = 0; i < validation.size(); ++i) {
    const PreparedRow& row = validation.row(i);
    const auto pair = find(row.note_hash, row.summary_hash);
    if (pair != order.end() && train.row(*pair).note_hash == row.note_hash &&
        train.row(*pair).summary_hash == row.summary_hash) {
      repeats.push_back({i, *pair, true});
      continue;
    }
    const auto any = find(row.note_hash, 0);
    if (any != order.end() && train.row(*any).note_hash == row.note_hash) repeats.push_back({i, *any, false});
  }
  return repeats;
}

}  // namespace epicrisis::data
