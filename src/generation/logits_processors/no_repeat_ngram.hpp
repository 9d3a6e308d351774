#pragma once

#include "generation/logits_processors/logits_processor.hpp"

namespace epicrisis {

/// Forbids every token that would complete an n-gram the sequence already has.
class NoRepeatNgram final : public LogitsProcessor {
 public:
  explicit NoRepeatNgram(int size) : size_(static_cast<std::size_t>(size)) {}
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;

 private:
  std::size_t size_;
};

/// Forbids every token that would complete an n-gram of the source, which outlives this.
class EncoderNoRepeatNgram final : public LogitsProcessor {
 public:
  EncoderNoRepeatNgram(int size, std::span<const TokenId> source)
      : size_(static_cast<std::size_t>(size)), source_(source) {}
  void apply(std::span<const TokenId> ids, std::span<float> scores) const override;

 private:
  std::size_t size_;
  std::span<const TokenId> source_;
};

}  // namespace epicrisis
