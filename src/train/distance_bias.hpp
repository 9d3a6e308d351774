#pragma once

#include <vector>

namespace epicrisis::train {

/// Bucket of a key that stands `distance` positions after its query (Raffel et al. 2020, section 2.1): one
/// for each short distance, then logarithmically wider ones up to max_distance. Bidirectional: half of the
/// buckets for keys after the query; else keys after the query share bucket 0. Single precision, as the
/// reference rounds.
int relative_bucket(int distance, bool bidirectional, int buckets, int max_distance);

/// By how much ALiBi lowers the score of a key for each position it stands before its query, a head (Press et
/// al. 2022): 2^(-8 i / n) for n heads, n a power of two; else those of the next lower power, then every
/// second one of the next higher.
std::vector<float> alibi_slopes(int heads);

}  // namespace epicrisis::train
