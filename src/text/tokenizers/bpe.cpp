#include "text/tokenizers/bpe.hpp"

#include <algorithm>
#include <utility>

#include "text/tokenizers/byte_level.hpp"
#include "text/tokenizers/component.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

/// A text member that may be absent or null.
Result<std::string> optional_text(const Json& component, std::string_view key, std::string_view where) {
  const auto member = component.find(key);
  if (member == component.end() || member->is_null()) return std::string();
  return detail::text_member(component, key, where);
}

}  // namespace

Result<BpeModel> BpeModel::read(const Json& component, std::string_view where) {
  if (const auto dropout = component.find("dropout");
      dropout != component.end() && !dropout->is_null() && *dropout != 0)
    return detail::unsupported_component(where, "a BPE model with dropout");
  BpeModel model;
  const auto vocab = component.find("vocab");
  if (vocab == component.end()) return detail::damaged_tokenizer(where, "expected a member 'vocab'");
  EPICRISIS_ASSIGN_OR_RETURN(model.vocabulary_, Vocabulary::read(*vocab, where));
  EPICRISIS_ASSIGN_OR_RETURN(model.prefix_, optional_text(component, "continuing_subword_prefix", where));
  EPICRISIS_ASSIGN_OR_RETURN(model.suffix_, optional_text(component, "end_of_word_suffix", where));
  EPICRISIS_ASSIGN_OR_RETURN(model.fuse_unk_, detail::flag_member(component, "fuse_unk", false, where));
  EPICRISIS_ASSIGN_OR_RETURN(model.byte_fallback_,
                             detail::flag_member(component, "byte_fallback", false, where));
  EPICRISIS_ASSIGN_OR_RETURN(model.ignore_merges_,
                             detail::flag_member(component, "ignore_merges", false, where));
  if (model.byte_fallback_ && !(model.prefix_.empty() && model.suffix_.empty()))
    return detail::unsupported_component(where, "byte fallback with affixes of subwords");
  EPICRISIS_ASSIGN_OR_RETURN(const Json* merges, detail::list_member(component, "merges", where));
  EPICRISIS_ASSIGN_OR_RETURN(model.merges_,
                             BpeMerges::read(*merges, model.vocabulary_, model.prefix_.size(), where));
  model.index_characters();
  EPICRISIS_RETURN_IF_ERROR(model.read_unknown(component, where));
  model.whole_ = std::make_unique<std::atomic<Whole>[]>(model.vocabulary_.id_bound());
  return model;
}

Result<void> BpeModel::read_unknown(const Json& component, std::string_view where) {
  const auto unk_token = component.find("unk_token");
  if (unk_token == component.end() || unk_token->is_null()) return {};
  EPICRISIS_ASSIGN_OR_RETURN(const std::string text, detail::text_member(component, "unk_token", where));
  unk_id_ = vocabulary_.find(text);
  if (unk_id_ != Vocabulary::kNone) return {};
  // Byte-level vocabularies know every character, so that an unknown token of theirs is often a mere name.
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (characters_[byte_level_character(static_cast<unsigned char>(byte))] == Vocabulary::kNone)
      return detail::damaged_tokenizer(where, "'unk_token' is not in the vocabulary");
  }
  return {};
}

void BpeModel::index_characters() {
  std::string text;
  for (std::uint32_t c = 0; c < kIndexedCharacters; ++c) {
    text.clear();
    append_code_point(text, c);
    characters_[c] = vocabulary_.find(text);
  }
  for (unsigned byte = 0; byte < 256; ++byte)
    bytes_[byte] = vocabulary_.find(fmt::format("<0x{:02X}>", byte));
}

void BpeModel::tokenize(const PieceList& list, std::vector<Token>& tokens) const {
  Scratch scratch;
  for (const Piece& piece : list.pieces) {
    if (piece.added_token) {
      tokens.push_back({*piece.added_token, piece.begin, piece.end});
      continue;
    }
    const std::string_view text = list.view(piece);
    const std::uint32_t id = vocabulary_.find(text);
    if (id != Vocabulary::kNone && (ignore_merges_ || is_whole(id, text, scratch))) {
      tokens.push_back({static_cast<TokenId>(id), piece.begin, piece.end});
      continue;
    }
    encode(text, scratch);
    std::uint32_t position = piece.begin;
    for (const BpeSymbol& symbol : scratch.word) {
      tokens.push_back({static_cast<TokenId>(symbol.id), position, position + symbol.size_bytes});
      position += symbol.size_bytes;
    }
  }
}

/// Most words are entries, and the merges lead to them: finding that out once saves merging them again.
bool BpeModel::is_whole(std::uint32_t id, std::string_view text, Scratch& scratch) const {
  Whole whole = whole_[id].load(std::memory_order_relaxed);
  if (whole == Whole::kUnknown) {
    encode(text, scratch);
    const bool alone =
        scratch.word.size() == 1 && scratch.word[0].id == id && scratch.word[0].size_bytes == text.size();
    whole = alone ? Whole::kYes : Whole::kNo;
    whole_[id].store(whole, std::memory_order_relaxed);
  }
  return whole == Whole::kYes;
}

void BpeModel::encode(std::string_view word, Scratch& scratch) const {
  scratch.word.clear();
  add_characters(word, scratch);
  merges_.apply(scratch.word, scratch.merges);
}

/// The id of the character at [begin, end) of `word` with the affixes that its place asks for.
std::uint32_t BpeModel::character_id(std::string_view word, std::size_t begin, std::size_t end,
                                     Scratch& scratch) const {
  const bool prefixed = begin > 0 && !prefix_.empty();
  const bool suffixed = end == word.size() && !suffix_.empty();
  if (!prefixed && !suffixed) {
    const CodePoint character = decode_code_point(word, begin);
    if (character.value < kIndexedCharacters) return characters_[character.value];
    return vocabulary_.find(word.substr(begin, end - begin));
  }
  scratch.text = prefixed ? prefix_ : std::string();
  scratch.text.append(word.substr(begin, end - begin));
  if (suffixed) scratch.text += suffix_;
  return vocabulary_.find(scratch.text);
}

bool BpeModel::add_bytes(std::string_view character, std::vector<BpeSymbol>& word) const {
  const auto id_of = [this](char byte) { return bytes_[static_cast<unsigned char>(byte)]; };
  for (const char byte : character)
    if (id_of(byte) == Vocabulary::kNone) return false;
  for (const char byte : character) word.push_back({id_of(byte), 1});
  return true;
}

/// An unknown token waits for the next known character, even past byte tokens; without an unknown token the
/// character is left out. Both as the reference does.
void BpeModel::add_characters(std::string_view word, Scratch& scratch) const {
  std::uint32_t unknown_bytes = 0;
  const auto add_unknown = [&] {
    if (unknown_bytes > 0) scratch.word.push_back({unk_id_, std::exchange(unknown_bytes, 0)});
  };
  for (std::size_t begin = 0; begin < word.size();) {
    const std::size_t end = begin + sequence_length(word[begin]);
    const std::uint32_t id = character_id(word, begin, end, scratch);
    const auto size_bytes = static_cast<std::uint32_t>(end - begin);
    if (id != Vocabulary::kNone) {
      add_unknown();
      scratch.word.push_back({id, size_bytes});
    } else if (byte_fallback_ && add_bytes(word.substr(begin, size_bytes), scratch.word)) {
      // its bytes are tokens now
    } else if (unk_id_ != Vocabulary::kNone) {
      if (!fuse_unk_) add_unknown();
      unknown_bytes += size_bytes;
    }
    begin = end;
  }
  add_unknown();
}

}  // namespace epicrisis
