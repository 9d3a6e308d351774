#pragma once

#include <string>
#include <utility>
#include <vector>

namespace epicrisis::train {

/// What computed: versions of this program and of LibTorch, processor, threads. Name and value.
std::vector<std::pair<std::string, std::string>> program_identity();

}  // namespace epicrisis::train
