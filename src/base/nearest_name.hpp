#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <vector>

namespace epicrisis {

/// Levenshtein distance in bytes: insertions, deletions and substitutions that turn `a` into `b`.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

/// The one of `known` that `name` was probably meant to be, for "did you mean" in errors; empty when none is
/// near (more than a third of the longer name would change). Of equally near ones, the first. A name longer
/// than 100 bytes is never near: the cost stays bounded whatever a client sends.
template <class Names>
std::string_view nearest_name(std::string_view name, const Names& known) {
  constexpr std::size_t kLongest = 100;
  if (name.size() > kLongest) return {};
  std::string_view best;
  std::size_t best_distance = kLongest;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance && distance * 3 <= std::max(name.size(), candidate.size())) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace epicrisis
