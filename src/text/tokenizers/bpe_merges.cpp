#include "text/tokenizers/bpe_merges.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "text/tokenizers/component.hpp"

namespace epicrisis {
namespace {

/// Words up to this many symbols are scanned for the best pair: no heap is faster.
constexpr std::size_t kMaxScanned = 48;
constexpr std::uint32_t kEnd = 0xFFFFFFFFU;

std::uint64_t pair_of(std::uint32_t left, std::uint32_t right) { return std::uint64_t{left} << 32 | right; }

std::uint64_t hash_of(std::uint64_t pair) {
  // Multiplicative hashing (Knuth, TAOCP 3, 6.4); the upper half mixes all bits.
  return (pair * 0x9E3779B97F4A7C15ULL) >> 20;
}

/// The two texts of one entry of "merges".
Result<std::pair<std::string, std::string>> read_pair(const Json& entry, std::string_view where) {
  if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string())
    return std::pair{entry[0].get<std::string>(), entry[1].get<std::string>()};
  if (entry.is_string()) {
    const auto& text = entry.get_ref<const std::string&>();
    const std::size_t space = text.find(' ');
    if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos)
      return std::pair{text.substr(0, space), text.substr(space + 1)};
  }
  return detail::damaged_tokenizer(where, "expected two symbols");
}

}  // namespace

Result<BpeMerges> BpeMerges::read(const Json& merges, const Vocabulary& vocabulary,
                                  std::size_t continuing_prefix_bytes, std::string_view where) {
  BpeMerges result;
  result.slots_.resize(std::bit_ceil(2 * merges.size() + 2));
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const std::string place = fmt::format("{}.merges[{}]", where, i);
    if (merges[i].is_string() && merges[i].get_ref<const std::string&>().starts_with("#version")) continue;
    EPICRISIS_ASSIGN_OR_RETURN(const auto pair, read_pair(merges[i], place));
    const auto& [left, right] = pair;
    if (right.size() < continuing_prefix_bytes)
      return detail::damaged_tokenizer(place, "the right symbol lacks the prefix of continuing subwords");
    const std::uint32_t left_id = vocabulary.find(left);
    const std::uint32_t right_id = vocabulary.find(right);
    const std::uint32_t id = vocabulary.find(left + right.substr(continuing_prefix_bytes));
    if (left_id == Vocabulary::kNone || right_id == Vocabulary::kNone || id == Vocabulary::kNone)
      return detail::damaged_tokenizer(place, "a symbol is not in the vocabulary");
    Slot& slot = result.slot_of(pair_of(left_id, right_id));
    slot = {pair_of(left_id, right_id), {rank++, id}};  // of equal pairs the last counts, as in the reference
  }
  return result;
}

BpeMerges::Slot& BpeMerges::slot_of(std::uint64_t pair) {
  std::size_t at = hash_of(pair) & (slots_.size() - 1);
  while (slots_[at].pair != kNoPair && slots_[at].pair != pair) at = (at + 1) & (slots_.size() - 1);
  return slots_[at];
}

BpeMerges::Merge BpeMerges::find(std::uint32_t left, std::uint32_t right) const noexcept {
  const std::uint64_t pair = pair_of(left, right);
  for (std::size_t at = hash_of(pair) & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].pair == pair) return slots_[at].merge;
    if (slots_[at].pair == kNoPair) return {};
  }
}

void BpeMerges::apply(std::vector<BpeSymbol>& word, Scratch& scratch) const {
  if (word.size() < 2) return;
  if (word.size() <= kMaxScanned) {
    apply_by_scan(word, scratch.ranked);
  } else {
    apply_by_heap(word, scratch);
  }
}

/// ranked[i]: rank and id of merging symbols i and i + 1, the rank in the upper half.
void BpeMerges::apply_by_scan(std::vector<BpeSymbol>& word, std::vector<std::uint64_t>& ranked) const {
  const auto rank_at = [&](std::size_t i) {
    const Merge merge = find(word[i].id, word[i + 1].id);
    return pair_of(merge.rank, merge.id);
  };
  ranked.resize(word.size() - 1);
  for (std::size_t i = 0; i + 1 < word.size(); ++i) ranked[i] = rank_at(i);
  while (!ranked.empty()) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < ranked.size(); ++i)
      if (ranked[i] >> 32 < ranked[best] >> 32) best = i;
    if (ranked[best] >> 32 == kNoRank) return;
    word[best] = {static_cast<std::uint32_t>(ranked[best]),
                  word[best].size_bytes + word[best + 1].size_bytes};
    word.erase(word.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    ranked.erase(ranked.begin() + static_cast<std::ptrdiff_t>(best));
    if (best < ranked.size()) ranked[best] = rank_at(best);
    if (best > 0) ranked[best - 1] = rank_at(best - 1);
  }
}

void BpeMerges::apply_by_heap(std::vector<BpeSymbol>& word, Scratch& scratch) const {
  std::vector<Scratch::Link>& links = scratch.links;
  std::vector<Scratch::Candidate>& heap = scratch.heap;
  const auto size = static_cast<std::uint32_t>(word.size());
  links.resize(size);
  heap.clear();
  const auto later = [](const Scratch::Candidate& a, const Scratch::Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
  };
  const auto offer = [&](std::uint32_t position) {
    const Merge merge = find(word[position].id, word[links[position].next].id);
    if (merge.rank == kNoRank) return;
    heap.push_back({merge.rank, position, merge.id});
    std::push_heap(heap.begin(), heap.end(), later);
  };
  for (std::uint32_t i = 0; i < size; ++i) links[i] = {i == 0 ? kEnd : i - 1, i + 1 == size ? kEnd : i + 1};
  for (std::uint32_t i = 0; i + 1 < size; ++i) offer(i);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const Scratch::Candidate best = heap.back();
    heap.pop_back();
    const std::uint32_t right = links[best.position].next;
    if (word[best.position].size_bytes == 0 || right == kEnd) continue;
    const Merge current = find(word[best.position].id, word[right].id);
    if (current.rank == kNoRank || current.id != best.id) continue;  // its pair is gone
    word[best.position] = {best.id, word[best.position].size_bytes + word[right].size_bytes};
    word[right].size_bytes = 0;
    const std::uint32_t after = links[right].next;
    links[best.position].next = after;
    if (after != kEnd) links[after].previous = best.position;
    if (links[best.position].previous != kEnd) offer(links[best.position].previous);
    if (after != kEnd) offer(best.position);
  }
  std::erase_if(word, [](const BpeSymbol& symbol) { return symbol.size_bytes == 0; });
}

}  // namespace epicrisis
