#include "checkpoint/detail/strided_copy.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/check.hpp"

namespace epicrisis::detail {
namespace {

/// Steps between rows and between columns, in elements.
struct Strides {
  std::int64_t row;
  std::int64_t column;
};

/// Rows and columns in tiles: in a transposition one side walks down columns, and a tile of both stays in the
/// first-level cache.
constexpr std::int64_t kTile = 32;

template <std::size_t kBytes>
void copy_tiled(const std::byte* from, Strides from_strides, std::byte* to, Strides to_strides,
                std::int64_t rows, std::int64_t columns) {
  const auto bytes = [](std::int64_t elements) { return static_cast<std::ptrdiff_t>(elements * kBytes); };
  for (std::int64_t row_tile = 0; row_tile < rows; row_tile += kTile) {
    const std::int64_t row_end = std::min(rows, row_tile + kTile);
    for (std::int64_t column_tile = 0; column_tile < columns; column_tile += kTile) {
      const std::int64_t column_end = std::min(columns, column_tile + kTile);
      for (std::int64_t row = row_tile; row < row_end; ++row) {
        for (std::int64_t column = column_tile; column < column_end; ++column) {
          std::memcpy(to + bytes(row * to_strides.row + column * to_strides.column),
                      from + bytes(row * from_strides.row + column * from_strides.column), kBytes);
        }
      }
    }
  }
}

void copy_elements(const std::byte* from, Strides from_strides, std::byte* to, Strides to_strides,
                   const FilePart& part, std::size_t element_bytes) {
  const auto rows = part.rows;
  const auto columns = part.columns;
  if (from_strides.column == 1 && to_strides.column == 1) {
    const std::size_t row_bytes = static_cast<std::size_t>(columns) * element_bytes;
    for (std::int64_t row = 0; row < rows && row_bytes != 0; ++row) {
      std::memcpy(to + static_cast<std::size_t>(row * to_strides.row) * element_bytes,
                  from + static_cast<std::size_t>(row * from_strides.row) * element_bytes, row_bytes);
    }
    return;
  }
  switch (element_bytes) {
    case 1:
      return copy_tiled<1>(from, from_strides, to, to_strides, rows, columns);
    case 2:
      return copy_tiled<2>(from, from_strides, to, to_strides, rows, columns);
    case 4:
      return copy_tiled<4>(from, from_strides, to, to_strides, rows, columns);
    default:
      EPICRISIS_CHECK(element_bytes == 8);
      return copy_tiled<8>(from, from_strides, to, to_strides, rows, columns);
  }
}

/// The part's last element lies within the tensor, and the packed side holds all its elements.
void check_extent(std::size_t tensor_bytes, const FilePart& part, std::size_t element_bytes,
                  std::size_t packed_bytes) {
  EPICRISIS_CHECK(part.offset >= 0 && part.rows >= 1 && part.columns >= 1);
  const std::int64_t last =
      part.offset + (part.rows - 1) * part.row_stride + (part.columns - 1) * part.column_stride;
  EPICRISIS_CHECK(static_cast<std::size_t>(last) < tensor_bytes / element_bytes);
  EPICRISIS_CHECK(static_cast<std::size_t>(part.rows * part.columns) * element_bytes == packed_bytes);
}

}  // namespace

void gather(std::span<const std::byte> tensor, const FilePart& part, std::size_t element_bytes,
            std::span<std::byte> out) {
  check_extent(tensor.size(), part, element_bytes, out.size());
  const std::byte* const from = tensor.data() + static_cast<std::size_t>(part.offset) * element_bytes;
  copy_elements(from, {part.row_stride, part.column_stride}, out.data(), {part.columns, 1}, part,
                element_bytes);
}

void scatter(std::span<const std::byte> values, const FilePart& part, std::size_t element_bytes,
             std::span<std::byte> tensor) {
  check_extent(tensor.size(), part, element_bytes, values.size());
  std::byte* const to = tensor.data() + static_cast<std::size_t>(part.offset) * element_bytes;
  copy_elements(values.data(), {part.columns, 1}, to, {part.row_stride, part.column_stride}, part,
                element_bytes);
}

}  // namespace epicrisis::detail
