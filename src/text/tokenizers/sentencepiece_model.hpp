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
  /// TrainerSpec.ModelType.
  enum class Kind { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };

  std::vector<Piece> pieces;
  std::string precompiled_charsmap;
  Kind kind = Kind::kUnigram;
  std::uint32_t unk_id = 0;
  bool byte_fallback = false;
};

/// Reads the bytes of a .model file. Errors: kCorrupt naming the field or piece.
Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes);

}  // namespace epicrisis
