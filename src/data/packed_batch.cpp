#include "data/packed_batch.hpp"

namespace epicrisis::data {

void append_pair(PackedBatch& batch, std::span<const TokenId> source, std::span<const TokenId> labels,
                 const ShiftTokens& shift) {
  while (!labels.empty() && labels.back() == kIgnoredLabel) labels = labels.first(labels.size() - 1);
  batch.source_ids.insert(batch.source_ids.end(), source.begin(), source.end());
  batch.source_offsets.push_back(static_cast<std::int64_t>(batch.source_ids.size()));
  TokenId previous = shift.decoder_start.value_or(labels.empty() ? shift.pad : labels.back());
  for (const TokenId label : labels) {
    batch.decoder_ids.push_back(previous);
    batch.labels.push_back(label);
    previous = label == kIgnoredLabel ? shift.pad : label;
  }
  batch.target_offsets.push_back(static_cast<std::int64_t>(batch.labels.size()));
}

void append_sequence(PackedBatch& batch, std::span<const TokenId> ids, std::span<const TokenId> labels) {
  while (!labels.empty() && labels.back() == kIgnoredLabel) labels = labels.first(labels.size() - 1);
  batch.source_offsets.push_back(static_cast<std::int64_t>(batch.source_ids.size()));
  for (std::size_t next = 1; next < labels.size(); ++next) {
    batch.decoder_ids.push_back(ids[next - 1]);
    batch.labels.push_back(labels[next]);
  }
  batch.target_offsets.push_back(static_cast<std::int64_t>(batch.labels.size()));
}

void append_continuation(PackedBatch& batch, std::span<const TokenId> prompt,
                         std::span<const TokenId> target) {
  std::vector<TokenId> ids(prompt.begin(), prompt.end());
  ids.insert(ids.end(), target.begin(), target.end());
  std::vector<TokenId> labels(prompt.size(), kIgnoredLabel);
  labels.insert(labels.end(), target.begin(), target.end());
  append_sequence(batch, ids, labels);
}

PackedBatch pack(std::span<const TrainingPair> pairs, const ShiftTokens& shift) {
  PackedBatch batch;
  for (const TrainingPair& pair : pairs) append_pair(batch, pair.source, pair.target, shift);
  return batch;
}

}  // namespace epicrisis::data
