#include "text/tokenizers/double_array_trie.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>
#include <utility>

namespace epicrisis {

/// Places the nodes of a trie over sorted keys breadth first, so that the hot upper levels lie together.
class DoubleArrayBuilder {
 public:
  explicit DoubleArrayBuilder(const std::vector<DoubleArrayTrie::Key>& keys) : keys_(keys) {
    add_block();  // the root's cell 0
    take(0);
    add_block();  // kDeadEnd stays empty
    open_.pop_back();
  }

  std::vector<DoubleArrayTrie::Cell> build() && {
    std::vector<Node> level = {{0, 0, keys_.size()}};
    for (std::size_t depth = 0; !level.empty(); ++depth) {
      std::vector<Node> next;
      for (const Node& node : level) place_children(node, depth, next);
      level = std::move(next);
    }
    return std::move(cells_);
  }

 private:
  static constexpr std::uint32_t kBlock = DoubleArrayTrie::kBlock;
  static constexpr int kPatience = 6;  ///< Failed searches after which a block counts as full.

  /// The node at `cell`: keys [first, last) share its path.
  struct Node {
    std::uint32_t cell;
    std::size_t first;
    std::size_t last;
  };
  struct Block {
    std::bitset<kBlock> taken;
    std::bitset<kBlock> base_used;
    int free = kBlock;
    int failures = 0;
  };

  void place_children(const Node& node, std::size_t depth, std::vector<Node>& next) {
    std::size_t first = node.first;
    if (keys_[first].first.size() == depth) ++first;  // the node's own key; equal keys were merged
    labels_.clear();
    for (std::size_t i = first; i < node.last; ++i) {
      const auto label = static_cast<unsigned char>(keys_[i].first[depth]);
      if (labels_.empty() || labels_.back() != label) labels_.push_back(label);
    }
    if (labels_.empty()) return;
    const std::uint32_t base = find_base();
    cells_[node.cell].base = base;
    blocks_[base / kBlock].base_used.set(base % kBlock);
    for (const unsigned char label : labels_) {
      std::size_t last = first;
      while (last < node.last && static_cast<unsigned char>(keys_[last].first[depth]) == label) ++last;
      const std::uint32_t cell = base ^ label;
      take(cell);
      cells_[cell].label = label;
      if (keys_[first].first.size() == depth + 1) cells_[cell].value = keys_[first].second;
      next.push_back({cell, first, last});
      first = last;
    }
  }

  std::uint32_t find_base() {
    for (std::size_t i = 0; i < open_.size();) {
      const std::uint32_t block = open_[i];
      if (const auto base = find_base_in(block)) return *base;
      if (++blocks_[block].failures >= kPatience || blocks_[block].free == 0) {
        open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
    add_block();
    return *find_base_in(open_.back());
  }

  std::optional<std::uint32_t> find_base_in(std::uint32_t index) const {
    const Block& block = blocks_[index];
    if (static_cast<std::size_t>(block.free) < labels_.size()) return std::nullopt;
    for (std::uint32_t position = 0; position < kBlock; ++position) {
      if (block.taken[position]) continue;
      const std::uint32_t base = position ^ labels_.front();
      if (block.base_used[base]) continue;
      const auto is_free = [&](unsigned char label) { return !block.taken[base ^ label]; };
      if (std::all_of(labels_.begin(), labels_.end(), is_free)) return index * kBlock + base;
    }
    return std::nullopt;
  }

  void add_block() {
    open_.push_back(static_cast<std::uint32_t>(blocks_.size()));
    blocks_.emplace_back();
    cells_.resize(cells_.size() + kBlock);
  }

  void take(std::uint32_t cell) {
    Block& block = blocks_[cell / kBlock];
    block.taken.set(cell % kBlock);
    --block.free;
  }

  const std::vector<DoubleArrayTrie::Key>& keys_;
  std::vector<DoubleArrayTrie::Cell> cells_;
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> open_;  ///< Blocks that are still worth a search.
  std::vector<unsigned char> labels_;
};

Result<DoubleArrayTrie> DoubleArrayTrie::build(std::vector<Key> keys) {
  for (const Key& key : keys)
    if (key.second >= kNoValue)
      return Error{ErrorCode::kUnsupported, "The tokenizer has more entries than this build can hold.", ""};
  std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
    return a.first != b.first ? a.first < b.first : a.second > b.second;
  });
  keys.erase(
      std::unique(keys.begin(), keys.end(), [](const Key& a, const Key& b) { return a.first == b.first; }),
      keys.end());
  if (!keys.empty() && keys.front().first.empty()) keys.erase(keys.begin());
  if (keys.empty()) return DoubleArrayTrie();
  return DoubleArrayTrie(DoubleArrayBuilder(keys).build());
}

}  // namespace epicrisis
