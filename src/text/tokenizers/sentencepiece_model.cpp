#include "text/tokenizers/sentencepiece_model.hpp"

#include <fmt/format.h>

#include <bit>
#include <limits>
#include <optional>

#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

// Field numbers of sentencepiece_model.proto.
constexpr std::uint64_t kPieces = 1;
constexpr std::uint64_t kTrainerSpec = 2;
constexpr std::uint64_t kNormalizerSpec = 3;
constexpr std::uint64_t kPieceText = 1;
constexpr std::uint64_t kPieceScore = 2;
constexpr std::uint64_t kCharsmap = 2;
constexpr std::uint64_t kModelType = 3;
constexpr std::uint64_t kByteFallback = 35;
constexpr std::uint64_t kUnkId = 40;

/// One field of a Protocol Buffers message: `value` of a varint, `payload` of any other.
struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;
  std::string_view payload;
};

/// Walks the fields of a message (protobuf encoding: varint, 64-bit, length-delimited, 32-bit).
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}

  bool done() const { return rest_.empty(); }
  /// Nothing when the bytes are no field.
  std::optional<Field> next() {
    const auto key = varint();
    if (!key) return std::nullopt;
    std::uint64_t size = 0;
    std::uint64_t value = 0;
    switch (*key & 7) {
      case 0: {
        const auto read = varint();
        if (!read) return std::nullopt;
        value = *read;
        break;
      }
      case 1:
        size = 8;
        break;
      case 2: {
        const auto length = varint();
        if (!length) return std::nullopt;
        size = *length;
        break;
      }
      case 5:
        size = 4;
        break;
      default:
        return std::nullopt;
    }
    if (size > rest_.size()) return std::nullopt;
    const Field field{*key >> 3, value, rest_.substr(0, size)};
    rest_.remove_prefix(size);
    return field;
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

float read_float(std::string_view four_bytes) {
  std::uint32_t bits = 0;
  for (int i = 3; i >= 0; --i)
    bits = (bits << 8) | static_cast<unsigned char>(four_bytes[static_cast<std::size_t>(i)]);
  return std::bit_cast<float>(bits);
}

std::optional<SentencePieceModel::Piece> read_piece(std::string_view message) {
  SentencePieceModel::Piece piece;
  for (FieldReader reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) return std::nullopt;
    if (field->number == kPieceText) piece.text = field->payload;
    if (field->number == kPieceScore && field->payload.size() == 4) piece.score = read_float(field->payload);
  }
  if (!is_valid_utf8(piece.text)) return std::nullopt;
  return piece;
}

/// False when `message` is no TrainerSpec.
bool read_trainer_spec(std::string_view message, SentencePieceModel& model) {
  for (FieldReader reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) return false;
    if (field->number == kModelType) {
      if (field->value < 1 || field->value > 4) return false;
      model.kind = static_cast<SentencePieceModel::Kind>(field->value);
    }
    if (field->number == kUnkId) {
      if (field->value > std::numeric_limits<std::int32_t>::max()) return false;
      model.unk_id = static_cast<std::uint32_t>(field->value);
    }
    if (field->number == kByteFallback) model.byte_fallback = field->value != 0;
  }
  return true;
}

/// False when `message` is no NormalizerSpec.
bool read_normalizer_spec(std::string_view message, SentencePieceModel& model) {
  for (FieldReader reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) return false;
    if (field->number == kCharsmap) model.precompiled_charsmap = field->payload;
  }
  return true;
}

}  // namespace

Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes) {
  const auto damaged = [](std::string_view part, std::size_t index) {
    return Error{ErrorCode::kCorrupt, "The SentencePiece model is damaged; import the model again.",
                 fmt::format("{} {}", part, index)};
  };
  SentencePieceModel model;
  std::size_t index = 0;
  for (FieldReader reader(bytes); !reader.done(); ++index) {
    const auto field = reader.next();
    if (!field) return damaged("field", index);
    if (field->number == kPieces) {
      auto piece = read_piece(field->payload);
      if (!piece) return damaged("piece", model.pieces.size());
      model.pieces.push_back(std::move(*piece));
    } else if (field->number == kTrainerSpec) {
      if (!read_trainer_spec(field->payload, model)) return damaged("field", index);
    } else if (field->number == kNormalizerSpec) {
      if (!read_normalizer_spec(field->payload, model)) return damaged("field", index);
    }
  }
  return model;
}

}  // namespace epicrisis
