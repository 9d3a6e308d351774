#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace epicrisis::evaluate::detail {

/// Length of the longest common subsequence, 64 table cells at a time: Hyyrö 2004, "Bit-parallel LCS-length
/// computation revisited". O(|a| |b| / 64).
std::size_t lcs_length(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b);

/// Positions in `reference` of one longest common subsequence, ascending. Of several it gives the one that
/// the reference ROUGE package finds: walking back from both ends, equal tokens are taken, else the candidate
/// shrinks where its table entry is strictly larger and the reference where not. One bit a table cell.
std::vector<std::size_t> lcs_positions(std::span<const std::uint32_t> reference,
                                       std::span<const std::uint32_t> candidate);

}  // namespace epicrisis::evaluate::detail
