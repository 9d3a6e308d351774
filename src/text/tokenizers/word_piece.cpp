#include "text/tokenizers/word_piece.hpp"

#include <string>
#include <utility>

#include "text/tokenizers/component.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

Result<Vocabulary> read_vocabulary(const Json& component, std::string_view where) {
  const auto vocab = component.find("vocab");
  if (vocab == component.end()) return detail::damaged_tokenizer(where, "expected a member 'vocab'");
  return Vocabulary::read(*vocab, where);
}

Result<TokenId> read_unknown(const Json& component, const Vocabulary& vocabulary, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::string text, detail::text_member(component, "unk_token", where));
  const std::optional<TokenId> id = vocabulary.token_to_id(text);
  if (!id) return detail::damaged_tokenizer(where, "'unk_token' is not in the vocabulary");
  return *id;
}

}  // namespace

Result<WordPieceModel> WordPieceModel::read(const Json& component, std::string_view where) {
  WordPieceModel model;
  EPICRISIS_ASSIGN_OR_RETURN(model.vocabulary_, read_vocabulary(component, where));
  EPICRISIS_ASSIGN_OR_RETURN(model.unk_id_, read_unknown(component, model.vocabulary_, where));
  EPICRISIS_ASSIGN_OR_RETURN(const std::string prefix,
                             detail::text_member(component, "continuing_subword_prefix", where));
  const auto limit = component.find("max_input_chars_per_word");
  if (limit == component.end() || !limit->is_number_unsigned())
    return detail::damaged_tokenizer(where, "'max_input_chars_per_word' must be a whole number");
  model.max_characters_ = limit->get<std::size_t>();
  std::vector<DoubleArrayTrie::Key> first;
  std::vector<DoubleArrayTrie::Key> continuing;
  for (std::uint32_t id = 0; id < model.vocabulary_.id_bound(); ++id) {
    const std::string_view text = model.vocabulary_.text(id);
    first.emplace_back(text, id);
    if (text.starts_with(prefix)) continuing.emplace_back(text.substr(prefix.size()), id);
  }
  EPICRISIS_ASSIGN_OR_RETURN(model.first_, DoubleArrayTrie::build(std::move(first)));
  EPICRISIS_ASSIGN_OR_RETURN(model.continuing_, DoubleArrayTrie::build(std::move(continuing)));
  return model;
}

void WordPieceModel::tokenize(const PieceList& list, std::vector<Token>& tokens) const {
  for (const Piece& piece : list.pieces) {
    if (piece.added_token) {
      tokens.push_back({*piece.added_token, piece.begin, piece.end});
      continue;
    }
    const std::string_view word = list.view(piece);
    const std::size_t before = tokens.size();
    if (count_code_points(word) <= max_characters_ && cover(word, piece.begin, tokens)) continue;
    tokens.resize(before);
    tokens.push_back({unk_id_, piece.begin, piece.end});
  }
}

bool WordPieceModel::cover(std::string_view word, std::uint32_t begin, std::vector<Token>& tokens) const {
  for (std::size_t start = 0; start < word.size();) {
    std::size_t longest = 0;
    std::uint32_t id = 0;
    (start == 0 ? first_ : continuing_)
        .for_each_prefix(word.substr(start), [&](std::size_t length, std::uint32_t value) {
          longest = length;
          id = value;
        });
    if (longest == 0) return false;
    const auto from = begin + static_cast<std::uint32_t>(start);
    tokens.push_back({static_cast<TokenId>(id), from, from + static_cast<std::uint32_t>(longest)});
    start += longest;
  }
  return true;
}

Result<WordLevelModel> WordLevelModel::read(const Json& component, std::string_view where) {
  WordLevelModel model;
  EPICRISIS_ASSIGN_OR_RETURN(model.vocabulary_, read_vocabulary(component, where));
  EPICRISIS_ASSIGN_OR_RETURN(model.unk_id_, read_unknown(component, model.vocabulary_, where));
  return model;
}

void WordLevelModel::tokenize(const PieceList& list, std::vector<Token>& tokens) const {
  for (const Piece& piece : list.pieces) {
    const TokenId id =
        piece.added_token ? *piece.added_token : vocabulary_.token_to_id(list.view(piece)).value_or(unk_id_);
    tokens.push_back({id, piece.begin, piece.end});
  }
}

}  // namespace epicrisis
