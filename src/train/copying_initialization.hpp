#pragma once

#include <cstdint>
#include <span>

#include "base/result.hpp"
#include "checkpoint/architecture.hpp"
#include "train/parameter_layout.hpp"

namespace epicrisis::train {

/// Overwrites a few of the freshly initialised `parameters` so that the untrained model already copies from
/// its source: the decoder's current token is looked up in the source, and what followed it there is proposed
/// next. Clinical summaries are largely copied, and a model that has to discover this circuit from scratch
/// spends most of a small training budget on it; gradients are free to change every weight of it afterwards.
///
/// The circuit is the induction head of Olsson et al. 2022 ("In-context Learning and Induction Heads"),
/// spread over encoder and decoder and laid into the weights as in the structured initialisation of Trockman
/// and Kolter 2023 ("Mimetic Initialization"). The model width is divided into three: the fastest-turning
/// sinusoids of the position table (Dh dimensions), "previous token" (Dh) and "token" (the rest, (H - 2) Dh);
/// embeddings start in the last alone.
///
///   encoder layer 0, head 0      looks one position back (a rotation of the sinusoids) and writes a
///   projection of that token
///                                to "previous token"
///   decoder layer 0, head 0      writes the same projection of the current token to "previous token"
///   decoder layer 0, heads 1..   take the current token out of "token", so that the tied output does not
///   propose it again decoder layer 1, cross, 0..  look for source positions with the same "previous token"
///   and add their "token"
///
/// Errors: kUnsupported when the architecture has no room for it (sinusoidal positions, norm before, a tied
/// output, at least three heads of an even width, one encoder and two decoder layers).
Result<void> initialise_for_copying(const Architecture& architecture, const ParameterLayout& layout,
                                    std::uint64_t seed, std::span<float> parameters);

}  // namespace epicrisis::train
