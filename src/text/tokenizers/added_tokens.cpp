#include "text/tokenizers/added_tokens.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "text/tokenizers/component.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

std::size_t last_boundary(std::string_view text) {
  std::size_t last = text.size() - 1;
  while (is_continuation(text[last])) --last;
  return last;
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && is_word_character(decode_code_point(text, last_boundary(text)).value);
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && is_word_character(decode_code_point(text, 0).value);
}

/// Bytes of white space at the end of `text`.
std::size_t trailing_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    const std::size_t last = last_boundary(text.substr(0, end));
    if (!is_white_space(decode_code_point(text, last).value)) break;
    end = last;
  }
  return text.size() - end;
}

/// Bytes of white space at the start of `text`.
std::size_t leading_space(std::string_view text) {
  std::size_t begin = 0;
  while (begin < text.size()) {
    const CodePoint next = decode_code_point(text, begin);
    if (!is_white_space(next.value)) break;
    begin += next.size_bytes;
  }
  return begin;
}

AlignedText align(std::string_view text, std::uint32_t first_code_point) {
  AlignedText aligned;
  aligned.text = text;
  aligned.alignment.resize(text.size());
  std::uint32_t index = first_code_point;
  for (std::size_t i = 0; i < text.size(); ++index) {
    const std::uint32_t length = sequence_length(text[i]);
    for (std::uint32_t j = 0; j < length; ++j) aligned.alignment[i++] = {index, index + 1};
  }
  return aligned;
}

Result<AddedToken> read_token(const Json& json, std::string_view where) {
  if (!json.is_object()) return detail::damaged_tokenizer(where, "expected an object");
  AddedToken token;
  const auto id = json.find("id");
  if (id == json.end() || !id->is_number_unsigned() || id->get<std::uint64_t>() >= DoubleArrayTrie::kNoValue)
    return detail::damaged_tokenizer(where,
                                     fmt::format("'id' must be 0 to {}", DoubleArrayTrie::kNoValue - 1));
  token.id = id->get<TokenId>();
  EPICRISIS_ASSIGN_OR_RETURN(token.content, detail::text_member(json, "content", where));
  EPICRISIS_ASSIGN_OR_RETURN(token.special, detail::flag_member(json, "special", false, where));
  EPICRISIS_ASSIGN_OR_RETURN(token.normalized,
                             detail::flag_member(json, "normalized", !token.special, where));
  EPICRISIS_ASSIGN_OR_RETURN(token.single_word, detail::flag_member(json, "single_word", false, where));
  EPICRISIS_ASSIGN_OR_RETURN(token.lstrip, detail::flag_member(json, "lstrip", false, where));
  EPICRISIS_ASSIGN_OR_RETURN(token.rstrip, detail::flag_member(json, "rstrip", false, where));
  return token;
}

}  // namespace

Result<AddedTokens> AddedTokens::read(const Json& list, const Model& model, const Normalizer* normalizer) {
  AddedTokens added;
  if (!list.is_array()) return detail::damaged_tokenizer("added_tokens", "expected a list");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = fmt::format("added_tokens[{}]", i);
    EPICRISIS_ASSIGN_OR_RETURN(AddedToken token, read_token(list[i], where));
    EPICRISIS_RETURN_IF_ERROR(added.add(std::move(token), model, where));
  }
  EPICRISIS_RETURN_IF_ERROR(added.build_matchers(normalizer));
  return added;
}

Result<void> AddedTokens::add(AddedToken token, const Model& model, std::string_view where) {
  if (token.content.empty()) return {};  // the reference passes over these
  const std::optional<TokenId> known = model.token_to_id(token.content);
  if (known && *known != token.id)
    return detail::damaged_tokenizer(where,
                                     fmt::format("has id {} but {} in the vocabulary", token.id, *known));
  if (!known && !model.id_to_token(token.id).empty())
    return detail::damaged_tokenizer(where, fmt::format("id {} is that of another token", token.id));
  if (by_id_.contains(token.id) || by_content_.contains(token.content))
    return detail::damaged_tokenizer(where, "is listed twice");
  largest_id_ = std::max(largest_id_, token.id);
  by_id_.emplace(token.id, tokens_.size());
  by_content_.emplace(token.content, tokens_.size());
  tokens_.push_back(std::move(token));
  return {};
}

Result<void> AddedTokens::build_matchers(const Normalizer* normalizer) {
  std::vector<std::string> forms;
  for (const AddedToken& token : tokens_) {
    AlignedText form = align(token.content, 0);
    if (token.normalized && normalizer != nullptr) normalizer->normalize(form);
    forms.push_back(std::move(form.text));
  }
  for (const bool normalized : {false, true}) {
    Matcher& matcher = normalized ? normalized_ : raw_;
    std::vector<DoubleArrayTrie::Key> keys;
    for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
      if (tokens_[i].normalized != normalized || forms[i].empty()) continue;
      keys.emplace_back(forms[i], i);
      matcher.starts[static_cast<unsigned char>(forms[i].front())] = true;
    }
    EPICRISIS_ASSIGN_OR_RETURN(matcher.trie, DoubleArrayTrie::build(std::move(keys)));
  }
  return {};
}

std::vector<AddedTokens::Span> AddedTokens::find_spans(const Matcher& matcher, std::string_view text) const {
  std::vector<Span> spans;
  std::size_t done = 0;  // end of the last token taken
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 0;
    const AddedToken* token = nullptr;
    if (matcher.starts[static_cast<unsigned char>(text[i])]) {
      matcher.trie.for_each_prefix(text.substr(i), [&](std::size_t matched, std::uint32_t index) {
        length = matched;
        token = &tokens_[index];
      });
    }
    if (token == nullptr) {
      ++i;
      continue;
    }
    std::size_t begin = i;
    std::size_t end = i + length;
    i = end;
    if (token->single_word && (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end))))
      continue;
    begin = std::max(begin, done);
    if (token->lstrip) begin = std::max(begin - trailing_space(text.substr(0, begin)), done);
    if (token->rstrip) end += leading_space(text.substr(end));
    if (begin >= end) continue;
    if (done < begin) spans.push_back({done, begin, nullptr});
    spans.push_back({begin, end, token});
    done = end;
  }
  if (done < text.size()) spans.push_back({done, text.size(), nullptr});
  return spans;
}

PieceList AddedTokens::split(std::string_view text, const Normalizer* normalizer) const {
  PieceList list;
  std::uint32_t code_point = 0;
  const auto append = [&list](const AlignedText& aligned, std::size_t begin, std::size_t end,
                              const AddedToken* token) {
    const auto start = static_cast<std::uint32_t>(list.aligned.text.size());
    list.aligned.append(aligned, begin, end);
    list.pieces.push_back({start, static_cast<std::uint32_t>(list.aligned.text.size()),
                           token != nullptr ? std::optional(token->id) : std::nullopt});
  };
  for (const Span& span : find_spans(raw_, text)) {
    const std::string_view part = text.substr(span.begin, span.end - span.begin);
    AlignedText aligned = align(part, code_point);
    code_point += static_cast<std::uint32_t>(count_code_points(part));
    if (span.token != nullptr) {
      append(aligned, 0, aligned.text.size(), span.token);
      continue;
    }
    if (normalizer != nullptr) normalizer->normalize(aligned);
    for (const Span& inner : find_spans(normalized_, aligned.text))
      append(aligned, inner.begin, inner.end, inner.token);
  }
  return list;
}

const AddedToken* AddedTokens::find(TokenId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::find(std::string_view content) const {
  const auto found = by_content_.find(std::string(content));
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

}  // namespace epicrisis
