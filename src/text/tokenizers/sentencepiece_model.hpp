#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace epicrisis {

/// What tokenizer.json takes from a SentencePiece model file (sentencepiece_model.proto, ModelProto).
struct SentencePieceModel {
  struct Piece {
    std::string text;
    float score = 0;
  };
  std::vector<Piece> pieces;
  std::string precompiled_charsmap;
};

/// Reads the bytes of a .model file. Errors: kCorrupt with the byte offset.
Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes);

}  // namespace epicrisis
