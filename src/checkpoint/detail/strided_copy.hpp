#pragma once

#include <cstddef>
#include <span>

#include "checkpoint/families/family.hpp"

namespace epicrisis::detail {

/// Copies the elements of `part` out of a file's tensor, row by row. Precondition: the part lies within
/// `tensor`, `out` holds rows * columns elements, and element_bytes is 1, 2, 4 or 8.
void gather(std::span<const std::byte> tensor, const FilePart& part, std::size_t element_bytes,
            std::span<std::byte> out);

/// The inverse: puts `values`, row by row, where `part` says. Elements outside the part stay.
void scatter(std::span<const std::byte> values, const FilePart& part, std::size_t element_bytes,
             std::span<std::byte> tensor);

}  // namespace epicrisis::detail
