#include "checkpoint/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"
#include "checkpoint/detail/printable.hpp"
#include "checkpoint/tensor_writing.hpp"

namespace epicrisis {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::string_view kMetadataKey = "__metadata__";

/// Where a tensor's bytes lie, counted from the end of the header.
struct Extent {
  std::uint64_t begin;
  std::uint64_t end;
  std::string_view name;
};

Error corrupt(std::string_view what, std::string detail) {
  return {ErrorCode::kCorrupt, fmt::format("'{}' is not a valid safetensors file.", what), std::move(detail)};
}

Result<std::vector<std::int64_t>> read_shape(const Json& entry, std::string_view name,
                                             std::string_view what) {
  const auto shape = entry.find("shape");
  if (shape == entry.end() || !shape->is_array()) {
    return corrupt(what, fmt::format("tensor '{}' has no list 'shape'", name));
  }
  if (shape->size() > kMaxRank) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("'{}' holds a tensor of more than {} dimensions.", what, kMaxRank),
                 fmt::format("tensor '{}' has {}", name, shape->size())};
  }
  std::vector<std::int64_t> sizes;
  for (const Json& size : *shape) {
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > (1ULL << 62)) {
      return corrupt(what, fmt::format("tensor '{}' has a size that is no valid count", name));
    }
    sizes.push_back(size.get<std::int64_t>());
  }
  return sizes;
}

Result<std::pair<std::uint64_t, std::uint64_t>> read_offsets(const Json& entry, std::string_view name,
                                                             std::string_view what) {
  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 ||
      !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
    return corrupt(what, fmt::format("tensor '{}' has no pair of numbers 'data_offsets'", name));
  }
  return std::pair{(*offsets)[0].get<std::uint64_t>(), (*offsets)[1].get<std::uint64_t>()};
}

Result<TensorView> read_entry(const Json& entry, std::string_view name, std::span<const std::byte> data,
                              std::string_view what, Extent& extent) {
  if (!entry.is_object()) return corrupt(what, fmt::format("the entry of tensor '{}' is no object", name));
  const auto dtype_name = entry.find("dtype");
  if (dtype_name == entry.end() || !dtype_name->is_string()) {
    return corrupt(what, fmt::format("tensor '{}' has no string 'dtype'", name));
  }
  const std::optional<DType> dtype = parse_dtype(dtype_name->get_ref<const std::string&>());
  if (!dtype) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("'{}' holds a tensor of an element type that is not supported.", what),
                 fmt::format("tensor '{}', dtype '{}'", name,
                             detail::printable(dtype_name->get_ref<const std::string&>()))};
  }
  TensorView tensor;
  tensor.dtype = *dtype;
  EPICRISIS_ASSIGN_OR_RETURN(tensor.shape, read_shape(entry, name, what));
  EPICRISIS_ASSIGN_OR_RETURN(const auto offsets, read_offsets(entry, name, what));
  const auto [begin, end] = offsets;
  if (begin > end || end > data.size()) {
    return corrupt(what, fmt::format("tensor '{}' lies at bytes {} to {}, but the file holds {} of tensors",
                                     name, begin, end, data.size()));
  }
  if (checked_size_bytes(tensor.shape, size_bytes(*dtype), data.size()) != end - begin) {
    return corrupt(what, fmt::format("tensor '{}' of shape {} and type {} does not take {} bytes", name,
                                     shape_to_string(tensor.shape), to_string(*dtype), end - begin));
  }
  tensor.data = data.subspan(begin, end - begin);
  extent = {begin, end, {}};
  return tensor;
}

/// The format asks for tensors that follow each other without holes or overlaps and fill the file: no byte
/// means two things, and none hides.
Result<void> check_layout(std::vector<Extent> extents, std::uint64_t size, std::string_view what) {
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t expected = 0;
  for (const Extent& extent : extents) {
    if (extent.begin != expected) {
      return corrupt(what, fmt::format("tensor '{}' starts at byte {} instead of {}",
                                       detail::printable(extent.name), extent.begin, expected));
    }
    expected = extent.end;
  }
  if (expected == size) return {};
  return corrupt(what, fmt::format("the tensors end at byte {}, the file at {}", expected, size));
}

/// JSON string of a tensor name. Names come from our own maps or from a file that was valid UTF-8.
std::string json_string(std::string_view name) { return Json(name).dump(); }

struct PlacedTensor {
  const std::string* name;
  const TensorView* tensor;
};

/// Widest elements first, then by name, as the reference library does: every tensor is aligned to its type.
std::vector<PlacedTensor> in_file_order(const Weights::Map& tensors, DType dtype) {
  std::vector<PlacedTensor> placed;
  placed.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) placed.push_back({&name, &tensor});
  std::stable_sort(placed.begin(), placed.end(), [dtype](const PlacedTensor& a, const PlacedTensor& b) {
    return size_bytes(written_dtype(*a.tensor, dtype)) > size_bytes(written_dtype(*b.tensor, dtype));
  });
  return placed;
}

std::string header_of(const std::vector<PlacedTensor>& placed, DType dtype) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  std::uint64_t begin = 0;
  for (const PlacedTensor& item : placed) {
    const DType written = written_dtype(*item.tensor, dtype);
    const std::uint64_t end =
        begin + static_cast<std::uint64_t>(item.tensor->element_count()) * size_bytes(written);
    header +=
        fmt::format(R"(,{}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", json_string(*item.name),
                    to_string(written), Json(item.tensor->shape).dump(), begin, end);
    begin = end;
  }
  header += '}';
  header.append((kLengthBytes - header.size() % kLengthBytes) % kLengthBytes, ' ');
  return header;
}

}  // namespace

Result<Weights::Map> parse_safetensors(std::span<const std::byte> bytes, std::string_view what) {
  if (bytes.size() < kLengthBytes) {
    return corrupt(what, fmt::format("{} bytes are too few for its header", bytes.size()));
  }
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof header_bytes);
  if (header_bytes > kMaxSafetensorsHeaderBytes || header_bytes > bytes.size() - kLengthBytes) {
    return corrupt(what, fmt::format("its header claims {} bytes; the file has {}, and at most {} are read",
                                     header_bytes, bytes.size(), kMaxSafetensorsHeaderBytes));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, header_bytes);
  if (!text.starts_with('{')) return corrupt(what, "its header does not start with '{'");
  EPICRISIS_ASSIGN_OR_RETURN(const Json header, parse_json(text, fmt::format("The header of '{}'", what)));
  const std::span<const std::byte> data = bytes.subspan(kLengthBytes + header_bytes);
  Weights::Map tensors;
  std::vector<Extent> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadataKey) continue;
    Extent extent{};
    EPICRISIS_ASSIGN_OR_RETURN(TensorView tensor,
                               read_entry(entry, detail::printable(name), data, what, extent));
    const auto inserted = tensors.emplace(name, std::move(tensor)).first;
    extent.name = inserted->first;
    extents.push_back(extent);
  }
  EPICRISIS_RETURN_IF_ERROR(check_layout(std::move(extents), data.size(), what));
  return tensors;
}

Result<Weights> read_safetensors(const std::filesystem::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  EPICRISIS_ASSIGN_OR_RETURN(Weights::Map tensors, parse_safetensors(file.bytes(), path.string()));
  return Weights(std::move(tensors), std::make_shared<const MappedFile>(std::move(file)));
}

Result<void> write_safetensors(const std::filesystem::path& path, const Weights::Map& tensors, DType dtype) {
  EPICRISIS_RETURN_IF_ERROR(check_weight_dtype(dtype));
  const std::vector<PlacedTensor> placed = in_file_order(tensors, dtype);
  const std::string header = header_of(placed, dtype);
  const std::uint64_t header_bytes = header.size();
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  EPICRISIS_RETURN_IF_ERROR(file.write(std::as_bytes(std::span(&header_bytes, 1))));
  EPICRISIS_RETURN_IF_ERROR(file.write(header));
  for (const PlacedTensor& item : placed) {
    EPICRISIS_RETURN_IF_ERROR(
        write_tensor_bytes(*item.tensor, *item.name, dtype,
                           [&file](std::span<const std::byte> piece) { return file.write(piece); }));
  }
  return file.commit();
}

}  // namespace epicrisis
