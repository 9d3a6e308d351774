#include "text/tokenizers/vocabulary.hpp"

#include <bit>
#include <functional>
#include <limits>

#include "text/tokenizers/component.hpp"

namespace epicrisis {
namespace {

std::uint64_t hash_of(std::string_view text) noexcept { return std::hash<std::string_view>()(text); }

/// Gaps between ids are allowed, but not gaps that dwarf the vocabulary.
constexpr std::size_t largest_id_for(std::size_t entries) { return 4 * entries + 65536; }

}  // namespace

Result<Vocabulary> Vocabulary::read(const Json& vocab, std::string_view where) {
  if (!vocab.is_object() || vocab.empty())
    return detail::damaged_tokenizer(where, "'vocab' must be an object of texts and ids");
  std::vector<const std::string*> by_id;
  std::size_t total_bytes = 0;
  for (const auto& [text, id] : vocab.items()) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > largest_id_for(vocab.size()))
      return detail::damaged_tokenizer(where, fmt::format("an id of 'vocab' is not a whole number up to {}",
                                                          largest_id_for(vocab.size())));
    const auto index = id.get<std::size_t>();
    if (index >= by_id.size()) by_id.resize(index + 1);
    if (by_id[index] != nullptr)
      return detail::damaged_tokenizer(where, fmt::format("two entries of 'vocab' have the id {}", index));
    by_id[index] = &text;
    total_bytes += text.size();
  }
  if (total_bytes > std::numeric_limits<std::uint32_t>::max())
    return detail::unsupported_component(where, "a vocabulary of more than 4 GiB");
  Vocabulary result;
  result.texts_.reserve(total_bytes);
  result.bounds_.reserve(by_id.size() + 1);
  for (const std::string* text : by_id) {
    if (text != nullptr) result.texts_ += *text;
    result.bounds_.push_back(static_cast<std::uint32_t>(result.texts_.size()));
  }
  result.slots_.resize(std::bit_ceil(2 * vocab.size()));
  for (std::uint32_t id = 0; id < by_id.size(); ++id)
    if (by_id[id] != nullptr) result.insert(id);
  return result;
}

void Vocabulary::insert(std::uint32_t id) {
  const std::uint64_t hash = hash_of(text(id));
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].id != kNone) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {static_cast<std::uint32_t>(hash >> 32), id};
}

std::uint32_t Vocabulary::find(std::string_view wanted) const noexcept {
  const std::uint64_t hash = hash_of(wanted);
  const auto upper = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.id == kNone) return kNone;
    if (slot.hash == upper && text(slot.id) == wanted) return slot.id;
  }
}

std::optional<TokenId> Vocabulary::token_to_id(std::string_view token) const noexcept {
  const std::uint32_t id = find(token);
  if (id == kNone) return std::nullopt;
  return static_cast<TokenId>(id);
}

}  // namespace epicrisis
