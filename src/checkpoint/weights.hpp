#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "checkpoint/tensor.hpp"

namespace epicrisis {

/// Tensors by name, with whatever keeps their bytes alive (mapped files, buffers). Immutable once built;
/// copies share.
///
/// The canonical names, one set for all families, that engine and trainer ask for; matrices are [out, in]:
///
///     shared_embedding.weight                                   [V, D]
///     {encoder,decoder}.positions.weight                        [P, D]   learned, or sinusoidal if the file
///     has them {encoder,decoder}.relative_bias.weight                    [buckets, H]
///     {encoder,decoder}.embedding_norm.{weight,bias}            [D]
///     {encoder,decoder}.layers.N.self_attention_norm.{weight,bias}
///     {encoder,decoder}.layers.N.self_attention.{query,key,value,output}.{weight,bias}
///     decoder.layers.N.cross_attention_norm.{weight,bias}
///     decoder.layers.N.cross_attention.{query,key,value,output}.{weight,bias}
///     {encoder,decoder}.layers.N.feed_forward_norm.{weight,bias}
///     {encoder,decoder}.layers.N.feed_forward.{gate,up,down}.{weight,bias}
///     {encoder,decoder}.final_norm.{weight,bias}                [D]
///     output.weight                                             [V, D]   absent when tied
///     output.bias                                               [V]      `final_logits_bias`, flattened
class Weights {
 public:
  using Map = std::map<std::string, TensorView, std::less<>>;

  Weights() = default;
  Weights(Map tensors, std::shared_ptr<const void> storage)
      : tensors_(std::make_shared<const Map>(std::move(tensors))), storage_(std::move(storage)) {}

  /// Null when there is no such tensor.
  const TensorView* find(std::string_view name) const noexcept {
    if (!tensors_) return nullptr;
    const auto found = tensors_->find(name);
    return found == tensors_->end() ? nullptr : &found->second;
  }
  const Map& tensors() const noexcept {
    static const Map kNone;
    return tensors_ ? *tensors_ : kNone;
  }

 private:
  std::shared_ptr<const Map> tensors_;
  std::shared_ptr<const void> storage_;
};

}  // namespace epicrisis
