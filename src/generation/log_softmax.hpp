#pragma once

#include <span>

namespace epicrisis {

/// log(sum(exp(x))) over `logits`, [V]. Entries of -infinity count as nothing; all of them gives -infinity.
/// NaN or +infinity among them gives NaN. The order of additions is fixed, whatever the
/// vector width.
double log_sum_exp(std::span<const float> logits) noexcept;

/// Turns logits [V] into log-probabilities in place. Rows of nothing but -infinity stay as they are.
void log_softmax(std::span<float> logits) noexcept;

}  // namespace epicrisis
