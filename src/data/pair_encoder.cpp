#include "data/pair_encoder.hpp"

#include <utility>

#include "text/tokenizer.hpp"

namespace epicrisis::data {

PairEncoder::PairEncoder(const Tokenizer& tokenizer, const LengthLimits& limits, PairFormat format)
    : tokenizer_(tokenizer), limits_(limits), format_(std::move(format)) {
  const EncodeOptions options{.add_special_tokens = !format_.continuation_end};
  empty_source_tokens_ = tokenizer_.encode(format_.prompt.around(""), options).ids.size();
  empty_target_tokens_ = tokenizer_.encode("", options).ids.size();
}

bool PairEncoder::gives_tokens(std::string_view text) const {
  return !tokenizer_.encode(text, {.add_special_tokens = false}).ids.empty();
}

Result<EncodedPair> PairEncoder::encode(const DatasetRow& row) const {
  const bool special = !format_.continuation_end;
  EPICRISIS_ASSIGN_OR_RETURN(CutEncoding source, encode_in_prompt(tokenizer_, format_.prompt, row.note,
                                                                  special, limits_.max_source_tokens));
  const std::size_t room = limits_.max_target_tokens - (special ? 0 : 1);
  EPICRISIS_ASSIGN_OR_RETURN(CutEncoding target,
                             encode_in_prompt(tokenizer_, {}, row.summary, special, room));
  // Counting is cheap and nearly always enough to tell.
  if ((source.ids.size() <= empty_source_tokens_ && !gives_tokens(row.note)) ||
      (target.ids.size() <= empty_target_tokens_ && !gives_tokens(row.summary)))
    return Error{ErrorCode::kInvalidArgument, "the tokenizer makes no token of the note or the summary.", ""};
  if (format_.continuation_end) target.ids.push_back(*format_.continuation_end);
  return EncodedPair{{std::move(source.ids), std::move(target.ids)},
                     static_cast<std::uint32_t>(source.dropped_tokens),
                     static_cast<std::uint32_t>(target.dropped_tokens)};
}

}  // namespace epicrisis::data
