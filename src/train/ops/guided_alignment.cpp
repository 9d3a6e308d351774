#include "train/ops/guided_alignment.hpp"

#include <ATen/ATen.h>

#include <limits>

namespace epicrisis::train::ops {
namespace {

/// Matches [begin, end) all lie in sequence `b`.
Tensor sequence_loss(const CrossAttentionInput& input, int heads_of_layer,
                     const std::vector<std::int64_t>& heads, double scale, const data::SourceMatches& matches,
                     std::size_t begin, std::size_t end, std::size_t b) {
  const std::int64_t first_key = input.key_offsets[b], keys = input.key_offsets[b + 1] - first_key;
  const auto count = static_cast<std::int64_t>(end - begin);
  const std::int64_t head_dim = input.query.size(1) / heads_of_layer;
  Tensor elsewhere = at::full({count, keys}, -std::numeric_limits<float>::infinity(), at::kFloat);
  for (std::size_t i = begin; i < end; ++i) {
    float* row = elsewhere.data_ptr<float>() + static_cast<std::int64_t>(i - begin) * keys;
    for (auto at = matches.offsets[i]; at < matches.offsets[i + 1]; ++at)
      row[matches.sources[static_cast<std::size_t>(at)] - first_key] = 0;
  }
  const Tensor rows = at::tensor(std::vector<std::int64_t>(matches.targets.begin() + static_cast<long>(begin),
                                                           matches.targets.begin() + static_cast<long>(end)))
                          .to(input.query.device());
  const Tensor chosen = at::tensor(heads).to(input.query.device());
  const auto by_head = [&](const Tensor& x) {
    return x.to(at::kFloat)
        .view({x.size(0), heads_of_layer, head_dim})
        .index_select(1, chosen)
        .transpose(0, 1);
  };
  const Tensor query = by_head(input.query.index_select(0, rows));
  const Tensor key =
      by_head(input.key_value.narrow(0, first_key, keys).narrow(1, 0, input.query.size(1)).contiguous());
  const Tensor attention = at::log_softmax(at::matmul(query, key.transpose(1, 2)) * scale, -1);
  return -at::logsumexp(attention + elsewhere.to(attention.device()), -1).sum() /
         static_cast<double>(heads.size());
}

}  // namespace

Tensor guided_alignment_loss(const CrossAttentionInput& input, int heads_of_layer,
                             const std::vector<std::int64_t>& heads, double scale,
                             const data::SourceMatches& matches) {
  Tensor sum = at::zeros({}, input.query.options().dtype(at::kFloat));
  std::size_t begin = 0;
  for (std::size_t b = 0; b + 1 < input.query_offsets.size(); ++b) {
    std::size_t end = begin;
    while (end < matches.targets.size() && matches.targets[end] < input.query_offsets[b + 1]) ++end;
    if (end > begin) sum = sum + sequence_loss(input, heads_of_layer, heads, scale, matches, begin, end, b);
    begin = end;
  }
  return sum;
}

}  // namespace epicrisis::train::ops
