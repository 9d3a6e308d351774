#include "engine/layers/embedding.hpp"

#include "engine/kernels/rowwise.hpp"

namespace epicrisis::engine {

void embed_token(const ModelWeights& model, TokenId token, const float* position, float* x) noexcept {
  const Architecture& a = model.architecture;
  copy_row(model.embedding, token, x);
  kernels::scale_add(x, a.embedding_scale, position, a.d_model, x);
}

}  // namespace epicrisis::engine
