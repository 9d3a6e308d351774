#include "checkpoint/name_map.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/detail/file_tensors.hpp"
#include "checkpoint/detail/printable.hpp"
#include "checkpoint/detail/strided_copy.hpp"

namespace epicrisis {
namespace {

Error corrupt(std::string_view what, std::string detail) {
  return {ErrorCode::kCorrupt, fmt::format("The weights in '{}' do not fit its config.json.", what),
          std::move(detail)};
}

Result<void> check_tensor(const TensorView& tensor, const Parameter& parameter, std::string_view name,
                          std::string_view what) {
  std::string wrong = detail::mismatch(tensor, parameter, name);
  if (wrong.empty()) return {};
  if (tensor.shape != parameter.file_shape) return corrupt(what, std::move(wrong));
  return Error{ErrorCode::kUnsupported, fmt::format("The weights in '{}' are not F32, F16 or BF16.", what),
               std::move(wrong)};
}

/// The tensor of `parameter`, whichever of its names the file has; null when it has none and needs none.
Result<const TensorView*> find_parameter(const detail::FileTensors& file, const Parameter& parameter,
                                         std::string_view what) {
  const TensorView* found = nullptr;
  std::string_view found_as;
  for (const std::string& name : parameter.file_names) {
    const TensorView* const tensor = file.find(name);
    if (tensor == nullptr) continue;
    EPICRISIS_RETURN_IF_ERROR(check_tensor(*tensor, parameter, file.name_here(name), what));
    if (found == nullptr) {
      found = tensor;
      found_as = file.name_here(name);
    } else if (!detail::is_same(*found, *tensor)) {
      return corrupt(what, fmt::format("tensors '{}' and '{}' are one matrix in this model, but differ",
                                       found_as, file.name_here(name)));
    }
  }
  if (found == nullptr && !parameter.optional) {
    return corrupt(
        what, fmt::format("tensor '{}' of shape {} is missing", file.name_here(parameter.file_names.front()),
                          shape_to_string(parameter.file_shape)));
  }
  return found;
}

/// Bytes made here, beside those of the weights they came from.
class DerivedStorage {
 public:
  explicit DerivedStorage(Weights source) : source_(std::move(source)) {}
  std::span<std::byte> allocate(std::size_t bytes) {
    return {blocks_.emplace_back(std::make_unique_for_overwrite<std::byte[]>(bytes)).get(), bytes};
  }

 private:
  Weights source_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
};

/// The bytes of `parameter` in its tensor: a view, or a copy in `storage` where its elements are scattered.
std::span<const std::byte> bytes_of(const Parameter& parameter, const TensorView& tensor,
                                    DerivedStorage& storage) {
  if (!parameter.part) return tensor.data;
  const FilePart& part = *parameter.part;
  const std::size_t element_bytes = size_bytes(tensor.dtype);
  const std::size_t bytes = static_cast<std::size_t>(part.rows * part.columns) * element_bytes;
  if (part.is_contiguous()) {
    return tensor.data.subspan(static_cast<std::size_t>(part.offset) * element_bytes, bytes);
  }
  const std::span<std::byte> copy = storage.allocate(bytes);
  detail::gather(tensor.data, part, element_bytes, copy);
  return copy;
}

Error does_not_fit(std::string detail) {
  return {ErrorCode::kInvalidArgument, "These weights do not fit their architecture.", std::move(detail)};
}

/// Tensors of a file under construction.
class FileBuilder {
 public:
  explicit FileBuilder(const Weights& canonical) : storage_(std::make_shared<DerivedStorage>(canonical)) {}

  Result<void> add(const Parameter& parameter, const TensorView& tensor) {
    const std::string& name = parameter.file_names.front();
    if (!parameter.part) {
      named_.emplace(name, TensorView{tensor.dtype, parameter.file_shape, tensor.data});
      return {};
    }
    const auto [whole, is_new] = named_.try_emplace(name, TensorView{tensor.dtype, parameter.file_shape, {}});
    const std::size_t element_bytes = size_bytes(tensor.dtype);
    if (is_new) {
      const auto count = static_cast<std::size_t>(whole->second.element_count());
      whole->second.data = buffers_[name] = storage_->allocate(count * element_bytes);
    }
    if (whole->second.dtype != tensor.dtype) {
      return does_not_fit(fmt::format("tensor '{}' is {}, others that '{}' is made of are {}",
                                      parameter.canonical, to_string(tensor.dtype), name,
                                      to_string(whole->second.dtype)));
    }
    detail::scatter(tensor.data, *parameter.part, element_bytes, buffers_[name]);
    return {};
  }
  Weights finish() && { return Weights(std::move(named_), std::move(storage_)); }

 private:
  std::shared_ptr<DerivedStorage> storage_;
  Weights::Map named_;
  std::map<std::string_view, std::span<std::byte>> buffers_;
};

}  // namespace

Result<Weights> to_canonical(const Weights& file_weights, const Family& family,
                             const Architecture& architecture, std::string_view what) {
  const detail::FileTensors file(file_weights, family);
  Weights::Map canonical;
  const auto storage = std::make_shared<DerivedStorage>(file_weights);
  std::set<std::string, std::less<>> known;
  for (const Parameter& parameter : family.parameters(architecture)) {
    EPICRISIS_ASSIGN_OR_RETURN(const TensorView* const tensor, find_parameter(file, parameter, what));
    known.insert(parameter.file_names.begin(), parameter.file_names.end());
    if (tensor == nullptr) continue;
    canonical.emplace(parameter.canonical,
                      TensorView{tensor->dtype, parameter.shape, bytes_of(parameter, *tensor, *storage)});
  }
  for (const auto& [name, tensor] : file_weights.tensors()) {
    const std::string full_name = file.full_name(name);
    if (known.contains(full_name) || known.contains(name) || family.is_ignored(full_name)) continue;
    return corrupt(what, fmt::format("tensor '{}' of shape {} has no place in this model",
                                     detail::printable(name), shape_to_string(tensor.shape)));
  }
  return Weights(std::move(canonical), storage);
}

Result<Weights> to_file_names(const Weights& canonical, const Family& family,
                              const Architecture& architecture) {
  FileBuilder file(canonical);
  std::size_t used = 0;
  const std::vector<Parameter> parameters = family.parameters(architecture);
  for (const Parameter& parameter : parameters) {
    const TensorView* const tensor = canonical.find(parameter.canonical);
    if (tensor == nullptr) {
      if (parameter.optional) continue;
      return does_not_fit(fmt::format("tensor '{}' is missing", parameter.canonical));
    }
    ++used;
    if (tensor->shape != parameter.shape) {
      return does_not_fit(fmt::format("tensor '{}' has shape {} instead of {}", parameter.canonical,
                                      shape_to_string(tensor->shape), shape_to_string(parameter.shape)));
    }
    EPICRISIS_RETURN_IF_ERROR(file.add(parameter, *tensor));
  }
  if (used != canonical.tensors().size()) {
    return does_not_fit(fmt::format("{} tensors have no place in it", canonical.tensors().size() - used));
  }
  return std::move(file).finish();
}

}  // namespace epicrisis
