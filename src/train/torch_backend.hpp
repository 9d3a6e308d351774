#pragma once

#include "generation/backend.hpp"
#include "train/transformer.hpp"

namespace epicrisis::train {

/// Lets generation drive a model while it is being trained, without exporting it: the parameters of the
/// moment, no dropout, no gradients. Decoding runs on the CPU. `model` must outlive this and stay as it is
/// while a session lives.
class TorchBackend final : public Backend {
 public:
  explicit TorchBackend(const Transformer& model) : model_(model) {}

  int vocab_size() const noexcept override { return model_.architecture().vocab_size; }
  /// A model without a table of positions sets no limit: the largest int.
  int max_source_tokens() const noexcept override;
  int max_target_tokens() const noexcept override { return max_source_tokens(); }
  bool is_encoder_decoder() const noexcept override {
    return model_.architecture().topology == Topology::kEncoderDecoder;
  }
  Result<std::unique_ptr<DecodeSession>> start_session() const override;

 private:
  const Transformer& model_;
};

}  // namespace epicrisis::train
