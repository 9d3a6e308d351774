#pragma once

#include <memory>
#include <string_view>

#include "base/json.hpp"
#include "text/tokenizers/stages.hpp"

namespace epicrisis {

// Decoders that tidy up spaces before punctuation and English contractions, token by token.

/// Joins words of WordPiece: "play", "##ing" is "playing", other tokens get a space in front.
Result<std::unique_ptr<Decoder>> read_word_piece_decoder(const Json& component, std::string_view where);

/// Connectionist temporal classification: repeated tokens are one, the padding token is nothing.
Result<std::unique_ptr<Decoder>> read_ctc_decoder(const Json& component, std::string_view where);

}  // namespace epicrisis
