#include "text/tokenizers/unigram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "text/tokenizers/component.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

/// How much worse than the worst entry an unknown character is.
constexpr double kUnknownPenalty = 10.0;

}  // namespace

Result<UnigramModel> UnigramModel::read(const Json& component, std::string_view where) {
  EPICRISIS_ASSIGN_OR_RETURN(const Json* vocab, detail::list_member(component, "vocab", where));
  UnigramModel model;
  EPICRISIS_ASSIGN_OR_RETURN(model.byte_fallback_,
                             detail::flag_member(component, "byte_fallback", false, where));
  EPICRISIS_RETURN_IF_ERROR(model.read_vocabulary(*vocab, where));
  const auto unk_id = component.find("unk_id");
  if (unk_id == component.end() || unk_id->is_null())
    return detail::unsupported_component(where, "a unigram model without an unknown token");
  if (!unk_id->is_number_unsigned() || unk_id->get<std::uint64_t>() >= vocab->size())
    return detail::damaged_tokenizer(where, fmt::format("'unk_id' must be below {}", vocab->size()));
  model.unk_id_ = unk_id->get<std::uint32_t>();
  return model;
}

Result<void> UnigramModel::read_vocabulary(const Json& vocab, std::string_view where) {
  if (vocab.empty()) return detail::damaged_tokenizer(where, "'vocab' is empty");
  scores_.reserve(vocab.size());
  bounds_.reserve(vocab.size() + 1);
  bounds_.push_back(0);
  for (const Json& entry : vocab) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number())
      return detail::damaged_tokenizer(where,
                                       fmt::format("vocab[{}] must be a text and a number", scores_.size()));
    texts_ += entry[0].get_ref<const std::string&>();
    bounds_.push_back(static_cast<std::uint32_t>(texts_.size()));
    scores_.push_back(entry[1].get<double>());
    if (!std::isfinite(scores_.back()))
      return detail::damaged_tokenizer(where,
                                       fmt::format("vocab[{}] has no finite score", scores_.size() - 1));
  }
  if (texts_.size() > std::numeric_limits<std::uint32_t>::max())
    return detail::unsupported_component(where, "a vocabulary of more than 4 GiB");
  std::vector<DoubleArrayTrie::Key> keys;
  keys.reserve(scores_.size());
  for (std::uint32_t id = 0; id < scores_.size(); ++id)
    keys.emplace_back(id_to_token(static_cast<TokenId>(id)), id);
  EPICRISIS_ASSIGN_OR_RETURN(trie_, DoubleArrayTrie::build(std::move(keys)));
  for (unsigned byte = 0; byte < bytes_.size(); ++byte)
    bytes_[byte] = trie_.find(fmt::format("<0x{:02X}>", byte));
  unk_score_ = *std::min_element(scores_.begin(), scores_.end()) - kUnknownPenalty;
  return {};
}

void UnigramModel::tokenize(const PieceList& list, std::vector<Token>& tokens) const {
  std::vector<PathEnd> ends;
  for (const Piece& piece : list.pieces) {
    if (piece.added_token) {
      tokens.push_back({*piece.added_token, piece.begin, piece.end});
      continue;
    }
    const std::string_view text = list.view(piece);
    find_best_path(text, ends);
    trace_back(text, piece.begin, ends, tokens);
  }
}

/// Viterbi, forwards over the bytes of `piece`. Scores are sums in double, from the start: as the reference
/// adds.
void UnigramModel::find_best_path(std::string_view piece, std::vector<PathEnd>& ends) const {
  ends.assign(piece.size() + 1, PathEnd{0, kUnreached, 0});
  for (std::uint32_t start = 0; start < piece.size();) {
    const double score_here = ends[start].score;
    const std::uint32_t character_bytes = sequence_length(piece[start]);
    const auto offer = [&](std::size_t length, std::uint32_t id, double score) {
      PathEnd& end = ends[start + length];
      if (end.start == kUnreached || score > end.score) end = {score, start, id};
    };
    bool covered = false;
    trie_.for_each_prefix(piece.substr(start), [&](std::size_t length, std::uint32_t id) {
      offer(length, id, scores_[id] + score_here);
      covered = covered || length == character_bytes;
    });
    if (!covered) offer(character_bytes, unk_id_, unk_score_ + score_here);
    start += character_bytes;
  }
}

/// Appends the tokens of the bytes of piece [start, end), last first, unless one of them has none.
bool UnigramModel::add_bytes(std::string_view piece, std::uint32_t begin, std::uint32_t start,
                             std::uint32_t end, std::vector<Token>& tokens) const {
  const auto id_at = [&](std::uint32_t i) { return bytes_[static_cast<unsigned char>(piece[i])]; };
  for (std::uint32_t i = start; i < end; ++i)
    if (id_at(i) == DoubleArrayTrie::kNoValue) return false;
  for (std::uint32_t i = end; i > start; --i)
    tokens.push_back({static_cast<TokenId>(id_at(i - 1)), begin + start, begin + end});
  return true;
}

/// Appends the tokens of the best path. Unknown neighbours are one token, which is known after all if the
/// vocabulary has it as a whole.
void UnigramModel::trace_back(std::string_view piece, std::uint32_t begin, const std::vector<PathEnd>& ends,
                              std::vector<Token>& tokens) const {
  const auto first = static_cast<std::ptrdiff_t>(tokens.size());
  auto end = static_cast<std::uint32_t>(piece.size());
  while (end > 0) {
    std::uint32_t start = ends[end].start;
    std::uint32_t id = ends[end].id;
    if (id == unk_id_) {
      while (start > 0 && ends[start].id == unk_id_) start = ends[start].start;
      const std::uint32_t known = trie_.find(piece.substr(start, end - start));
      if (known != DoubleArrayTrie::kNoValue) {
        id = known;
      } else if (byte_fallback_ && add_bytes(piece, begin, start, end, tokens)) {
        end = start;
        continue;
      }
    }
    tokens.push_back({static_cast<TokenId>(id), begin + start, begin + end});
    end = start;
  }
  std::reverse(tokens.begin() + first, tokens.end());
}

std::optional<TokenId> UnigramModel::token_to_id(std::string_view token) const {
  const std::uint32_t id = trie_.find(token);
  if (id == DoubleArrayTrie::kNoValue) return std::nullopt;
  return static_cast<TokenId>(id);
}

std::string_view UnigramModel::id_to_token(TokenId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= scores_.size()) return {};
  const auto index = static_cast<std::size_t>(id);
  return std::string_view(texts_).substr(bounds_[index], bounds_[index + 1] - bounds_[index]);
}

}  // namespace epicrisis
