#include <fmt/format.h>

#include "text/prompt.hpp"
#include "text/tokenizer.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

/// Bytes of the first `code_points` of `text`.
std::size_t bytes_of(std::string_view text, std::size_t code_points) {
  std::size_t position = 0;
  for (; code_points > 0 && position < text.size(); --code_points) {
    position += decode_code_point_lossy(text, position).size_bytes;
  }
  return position;
}

/// The tokens of a note that does not fit; `tokens` is how many all of it takes.
Result<std::vector<TokenId>> encode_cut(const Tokenizer& tokenizer, const Prompt& prompt,
                                        std::string_view note, bool special, std::size_t tokens,
                                        std::size_t limit) {
  const auto no_room = [limit] {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("The prompt leaves no room for the note in {} tokens.", limit), ""};
  };
  if (prompt.after.empty()) {
    if (!prompt.before.empty() &&
        tokenizer.encode(prompt.before, {.add_special_tokens = special}).ids.size() >= limit)
      return no_room();
    return tokenizer.encode(prompt.around(note), {.add_special_tokens = special, .max_length = limit}).ids;
  }
  // What follows the note must stay, so the note is cut before it is put in. Where the cut falls can change
  // the tokens round it, hence the loop; each round drops at least one token.
  const Encoding of_note = tokenizer.encode(note, {.add_special_tokens = false});
  std::size_t kept = of_note.ids.size();
  std::vector<TokenId> ids;
  while (tokens > limit) {
    const std::size_t excess = tokens - limit;
    if (excess >= kept) return no_room();
    kept -= excess;
    const std::size_t end = bytes_of(note, static_cast<std::size_t>(of_note.offsets[kept - 1].end));
    ids = tokenizer.encode(prompt.around(note.substr(0, end)), {.add_special_tokens = special}).ids;
    tokens = ids.size();
  }
  return ids;
}

}  // namespace

Result<CutEncoding> encode_in_prompt(const Tokenizer& tokenizer, const Prompt& prompt, std::string_view note,
                                     bool add_special_tokens, std::optional<std::size_t> limit) {
  CutEncoding encoded;
  encoded.ids = tokenizer.encode(prompt.around(note), {.add_special_tokens = add_special_tokens}).ids;
  if (!limit || encoded.ids.size() <= *limit) return encoded;
  const std::size_t whole = encoded.ids.size();
  EPICRISIS_ASSIGN_OR_RETURN(encoded.ids,
                             encode_cut(tokenizer, prompt, note, add_special_tokens, whole, *limit));
  encoded.dropped_tokens = whole - encoded.ids.size();
  return encoded;
}

}  // namespace epicrisis
