#include "text/tokenizers/metaspace.hpp"

#include <utility>

#include "text/tokenizers/component.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {

Result<MetaspaceOptions> MetaspaceOptions::read(const Json& component, std::string_view where) {
  MetaspaceOptions options;
  EPICRISIS_ASSIGN_OR_RETURN(options.replacement, detail::text_member(component, "replacement", where));
  if (count_code_points(options.replacement) != 1)
    return detail::damaged_tokenizer(where, "'replacement' must be one character");
  if (const auto scheme = component.find("prepend_scheme"); scheme != component.end()) {
    if (*scheme == "always") {
      options.prepend_scheme = Prepend::kAlways;
    } else if (*scheme == "first") {
      options.prepend_scheme = Prepend::kFirst;
    } else if (*scheme == "never") {
      options.prepend_scheme = Prepend::kNever;
    } else {
      return detail::damaged_tokenizer(where, "'prepend_scheme' must be always, first or never");
    }
  }
  EPICRISIS_ASSIGN_OR_RETURN(const bool add_prefix_space,
                             detail::flag_member(component, "add_prefix_space", true, where));
  if (!add_prefix_space) {
    if (component.contains("prepend_scheme") && options.prepend_scheme != Prepend::kNever)
      return detail::damaged_tokenizer(where, "'add_prefix_space' contradicts 'prepend_scheme'");
    options.prepend_scheme = Prepend::kNever;
  }
  EPICRISIS_ASSIGN_OR_RETURN(options.split, detail::flag_member(component, "split", true, where));
  return options;
}

bool MetaspacePreTokenizer::prepends_to(const PieceList& list, const Piece& piece) const {
  const std::string_view text = list.view(piece);
  if (text.front() == ' ' || text.starts_with(options_.replacement)) return false;
  switch (options_.prepend_scheme) {
    case MetaspaceOptions::Prepend::kAlways:
      return true;
    case MetaspaceOptions::Prepend::kFirst:
      return list.aligned.alignment[piece.begin].begin == 0;
    case MetaspaceOptions::Prepend::kNever:
      return false;
  }
  return false;
}

/// Appends `piece` to `out` with its spaces replaced and, if so set, cut before each replacement.
void MetaspacePreTokenizer::rewrite(const PieceList& list, const Piece& piece, PieceList& out) const {
  const AlignedText& aligned = list.aligned;
  auto start = static_cast<std::uint32_t>(out.aligned.text.size());
  const auto cut = [&] {
    const auto end = static_cast<std::uint32_t>(out.aligned.text.size());
    if (end > start) out.pieces.push_back({start, end, std::nullopt});
    start = end;
  };
  if (prepends_to(list, piece)) out.aligned.append(options_.replacement, aligned.alignment[piece.begin]);
  const std::string_view text = std::string_view(aligned.text).substr(0, piece.end);
  for (std::size_t i = piece.begin; i < piece.end;) {
    const bool space = text[i] == ' ';
    if (space || text.substr(i).starts_with(options_.replacement)) {
      if (options_.split) cut();
      out.aligned.append(options_.replacement, aligned.alignment[i]);
      i += space ? 1 : options_.replacement.size();
    } else {
      std::size_t end = i + 1;
      while (end < piece.end && text[end] != ' ' && text[end] != options_.replacement.front()) ++end;
      out.aligned.append(aligned, i, end);
      i = end;
    }
  }
  cut();
}

void MetaspacePreTokenizer::pre_tokenize(PieceList& list) const {
  PieceList out;
  out.aligned.reserve(list.aligned.text.size() + list.pieces.size() * options_.replacement.size());
  out.pieces.reserve(list.pieces.size());
  for (const Piece& piece : list.pieces) {
    if (piece.added_token) {
      const auto begin = static_cast<std::uint32_t>(out.aligned.text.size());
      out.aligned.append(list.aligned, piece.begin, piece.end);
      out.pieces.push_back({begin, static_cast<std::uint32_t>(out.aligned.text.size()), piece.added_token});
    } else {
      rewrite(list, piece, out);
    }
  }
  list = std::move(out);
}

void MetaspaceDecoder::decode(std::vector<std::string>& tokens) const {
  const bool prepended = options_.prepend_scheme != MetaspaceOptions::Prepend::kNever;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string_view space = i == 0 && prepended ? "" : " ";
    const std::string token = std::exchange(tokens[i], {});
    std::size_t kept = 0;
    for (std::size_t at = 0; (at = token.find(options_.replacement, kept)) != std::string::npos;) {
      tokens[i].append(token, kept, at - kept).append(space);
      kept = at + options_.replacement.size();
    }
    tokens[i].append(token, kept);
  }
}

}  // namespace epicrisis
