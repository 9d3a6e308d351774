#include <string>
#include <vector>

#include "base/check.hpp"
#include "base/files.hpp"
#include "checkpoint/detail/stored_zip.hpp"
#include "checkpoint/pytorch_bin.hpp"
#include "checkpoint/tensor_writing.hpp"

namespace epicrisis {
namespace {

constexpr std::string_view kFolder = "pytorch_model/";

std::string_view storage_class(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "FloatStorage";
    case DType::kFloat16:
      return "HalfStorage";
    case DType::kBFloat16:
      return "BFloat16Storage";
    case DType::kFloat64:
      return "DoubleStorage";
    case DType::kInt8:
      return "CharStorage";
    case DType::kUInt8:
      return "ByteStorage";
    case DType::kInt16:
      return "ShortStorage";
    case DType::kInt32:
      return "IntStorage";
    case DType::kInt64:
      return "LongStorage";
    case DType::kBool:
      return "BoolStorage";
  }
  EPICRISIS_CHECK(false);
  return {};
}

/// Writes the opcodes of protocol 2 (Python's pickletools describes them).
class Pickler {
 public:
  Pickler() { out_ = "\x80\x02"; }

  void op(std::string_view opcodes) { out_ += opcodes; }
  void text(std::string_view value) {
    out_ += 'X';
    little_endian(value.size(), 4);
    out_ += value;
  }
  void integer(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    if (value >= 0 && value <= 0xFF) {
      out_ += 'K';
      little_endian(bits, 1);
    } else if (value >= 0 && value <= 0xFFFF) {
      out_ += 'M';
      little_endian(bits, 2);
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
      out_ += 'J';
      little_endian(bits, 4);
    } else {
      out_ += "\x8a\x08";
      little_endian(bits, 8);
    }
  }
  void global(std::string_view module, std::string_view name) {
    out_ += 'c';
    out_.append(module).append("\n").append(name).append("\n");
  }
  void integers(const std::vector<std::int64_t>& values) {
    op("(");
    for (const std::int64_t value : values) integer(value);
    op("t");
  }
  std::string finish() && {
    out_ += '.';
    return std::move(out_);
  }

 private:
  void little_endian(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i));
  }
  std::string out_;
};

std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/// {name: _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()), ...}
std::string pickle_of(const Weights::Map& tensors, DType dtype) {
  Pickler pickler;
  pickler.op("}(");
  int key = 0;
  for (const auto& [name, tensor] : tensors) {
    pickler.text(name);
    pickler.global("torch._utils", "_rebuild_tensor_v2");
    pickler.op("((");
    pickler.text("storage");
    pickler.global("torch", storage_class(written_dtype(tensor, dtype)));
    pickler.text(std::to_string(key++));
    pickler.text("cpu");
    pickler.integer(tensor.element_count());
    pickler.op("tQ");
    pickler.integer(0);
    pickler.integers(tensor.shape);
    pickler.integers(contiguous_strides(tensor.shape));
    pickler.op("\x89");
    pickler.global("collections", "OrderedDict");
    pickler.op(")RtR");
  }
  pickler.op("u");
  return std::move(pickler).finish();
}

Result<void> write_entry(detail::StoredZipWriter& zip, std::string_view name, std::string_view content) {
  const auto bytes = std::as_bytes(std::span(content));
  EPICRISIS_RETURN_IF_ERROR(
      zip.begin(std::string(kFolder).append(name), bytes.size(), detail::update_crc32(0, bytes)));
  return zip.write(bytes);
}

/// The checksum stands before the data, so the tensor is converted twice: once for each.
Result<void> write_storage(detail::StoredZipWriter& zip, int key, const std::string& name,
                           const TensorView& tensor, DType dtype) {
  std::uint32_t crc = 0;
  EPICRISIS_RETURN_IF_ERROR(write_tensor_bytes(tensor, name, dtype, [&](std::span<const std::byte> piece) {
    crc = detail::update_crc32(crc, piece);
    return Result<void>();
  }));
  const std::uint64_t bytes =
      static_cast<std::uint64_t>(tensor.element_count()) * size_bytes(written_dtype(tensor, dtype));
  EPICRISIS_RETURN_IF_ERROR(
      zip.begin(std::string(kFolder).append("data/").append(std::to_string(key)), bytes, crc));
  return write_tensor_bytes(tensor, name, dtype,
                            [&](std::span<const std::byte> piece) { return zip.write(piece); });
}

}  // namespace

Result<void> write_pytorch_bin(const std::filesystem::path& path, const Weights::Map& tensors, DType dtype) {
  EPICRISIS_RETURN_IF_ERROR(check_weight_dtype(dtype));
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  detail::StoredZipWriter zip([&](std::span<const std::byte> piece) { return file.write(piece); });
  EPICRISIS_RETURN_IF_ERROR(write_entry(zip, "data.pkl", pickle_of(tensors, dtype)));
  int key = 0;
  for (const auto& [name, tensor] : tensors) {
    EPICRISIS_RETURN_IF_ERROR(write_storage(zip, key++, name, tensor, dtype));
  }
  EPICRISIS_RETURN_IF_ERROR(write_entry(zip, "version", "3\n"));
  EPICRISIS_RETURN_IF_ERROR(zip.finish());
  return file.commit();
}

}  // namespace epicrisis
