#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "text/tokenizers/sentencepiece_model.hpp"

namespace epicrisis {

// Pegasus's special tokens: a SentencePiece model with <pad>, </s>, <unk> as its pieces 0, 1 and 2 is moved
// up by 103 ids, which <mask_1>, <mask_2> and <unk_2> to <unk_102> take.
inline constexpr std::size_t kPegasusIdOffset = 103;
inline constexpr std::string_view kPegasusNewline =
    "<n>";  ///< Entry for a line break that the text spells out.

/// Text of the tokenizer.json that stands for `model`.
std::string pegasus_tokenizer_json(const SentencePieceModel& model);
std::string pegasus_tokenizer_config_json(std::size_t model_max_length);
std::string pegasus_special_tokens_map_json();

/// Writes the three of them, and `model_bytes` as spiece.model, to `folder`.
Result<void> write_pegasus_tokenizer(std::string_view model_bytes, std::size_t model_max_length,
                                     const std::filesystem::path& folder);

}  // namespace epicrisis
