#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace epicrisis {

/// A set of byte strings with a number each, laid out so that one step along a string is one XOR, one load
/// and one compare (double-array trie: Aoe 1989; XOR addressing as in Yata's Darts-clone). Immutable and
/// thread-safe.
///
/// Cell c has its children at c.base ^ byte; a child carries the byte as its label. Bases are unique, so the
/// label alone tells whether a cell is a child. Eight bytes a cell, about one cell a trie node.
class DoubleArrayTrie {
 public:
  using Key = std::pair<std::string_view, std::uint32_t>;  ///< The string and its value.
  static constexpr std::uint32_t kNoValue = (1U << 23) - 1;

  DoubleArrayTrie() : DoubleArrayTrie(std::vector<Cell>(2 * kBlock)) {}
  /// Of equal keys the one with the largest value counts. The strings are not kept; empty ones never match.
  /// Errors: kUnsupported for a value of kNoValue or more.
  static Result<DoubleArrayTrie> build(std::vector<Key> keys);

  /// Calls visit(length, value) for each key that `text` starts with, shortest first.
  template <class Visit>
  void for_each_prefix(std::string_view text, Visit visit) const {
    std::uint32_t base = cells_[0].base;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      const Cell cell = cells_[base ^ byte];
      if (cell.label != byte) return;
      if (cell.value != kNoValue) visit(i + 1, static_cast<std::uint32_t>(cell.value));
      base = cell.base;
    }
  }

  /// Value of `text`, or kNoValue.
  std::uint32_t find(std::string_view text) const {
    std::uint32_t found = kNoValue;
    for_each_prefix(text, [&](std::size_t length, std::uint32_t value) {
      if (length == text.size()) found = value;
    });
    return found;
  }

  std::size_t size_bytes() const noexcept { return cells_.size() * sizeof(Cell); }

 private:
  friend class DoubleArrayBuilder;
  static constexpr std::uint32_t kBlock = 256;
  static constexpr std::uint32_t kNoLabel = 256;
  static constexpr std::uint32_t kDeadEnd = kBlock;  ///< Base of leaves: a block whose cells are all empty.

  struct Cell {
    Cell() : base(kDeadEnd), label(kNoLabel), value(kNoValue) {}
    std::uint32_t base;
    std::uint32_t label : 9;
    std::uint32_t value : 23;
  };

  explicit DoubleArrayTrie(std::vector<Cell> cells) : cells_(std::move(cells)) {}
  std::vector<Cell> cells_;  ///< Whole blocks: base ^ byte is always inside.
};

}  // namespace epicrisis
