#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "checkpoint/detail/pickle.hpp"
#include "checkpoint/detail/printable.hpp"
#include "checkpoint/detail/stored_zip.hpp"
#include "checkpoint/pytorch_bin.hpp"

namespace epicrisis {
namespace {

using detail::Pickle;
using detail::PickleKind;
using detail::PickleNode;
using detail::printable;

using Bytes = std::span<const std::byte>;
/// Finds the bytes of a storage; there may be more of them than its tensors use.
using FindStorage = std::function<Result<Bytes>(const PickleNode& storage)>;

Error corrupt(std::string_view what, std::string detail) {
  return {ErrorCode::kCorrupt, fmt::format("'{}' is not a valid PyTorch checkpoint.", what),
          std::move(detail)};
}

/// The bytes that the elements of `storage` take, if they are no more than `available`.
std::optional<std::uint64_t> storage_bytes(const PickleNode& storage, std::uint64_t available) {
  const std::array<std::int64_t, 1> shape = {storage.integer};
  return checked_size_bytes(shape, size_bytes(storage.dtype), available);
}

/// Turns the tensors of a pickle into views or copies.
class Materialiser {
 public:
  Materialiser(const Pickle& pickle, std::uint64_t file_bytes, std::string_view what)
      : pickle_(pickle), copy_budget_(2 * file_bytes), what_(what) {}

  Result<PytorchTensors> run(const FindStorage& find_storage) {
    const PickleNode& root = pickle_.nodes[pickle_.root];
    if (root.kind != PickleKind::kDict) return corrupt(what_, "it holds no dict of tensors");
    PytorchTensors result;
    for (std::size_t i = 0; i + 1 < root.items.size(); i += 2) {
      const PickleNode& key = node(root.items[i]);
      const PickleNode& value = node(root.items[i + 1]);
      if (key.kind != PickleKind::kText) return corrupt(what_, "a key of its dict is no string");
      if (value.kind != PickleKind::kTensor) {
        return corrupt(what_, fmt::format("'{}' is no tensor", printable(key.text)));
      }
      EPICRISIS_ASSIGN_OR_RETURN(const Bytes storage, find_storage(node(value.items[0])));
      EPICRISIS_ASSIGN_OR_RETURN(TensorView tensor, materialise(value, storage, key.text));
      result.tensors.insert_or_assign(std::string(key.text), std::move(tensor));
    }
    result.copies = std::make_shared<const std::vector<std::vector<std::byte>>>(std::move(copies_));
    return result;
  }

 private:
  const PickleNode& node(detail::PickleId id) const { return pickle_.nodes[id]; }

  Result<std::vector<std::int64_t>> numbers(detail::PickleId id, std::string_view name) const {
    const PickleNode& tuple = node(id);
    if (tuple.items.size() > kMaxRank) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("'{}' holds a tensor of more than {} dimensions.", what_, kMaxRank),
                   fmt::format("tensor '{}'", printable(name))};
    }
    std::vector<std::int64_t> values;
    for (const detail::PickleId item : tuple.items) {
      if (node(item).kind != PickleKind::kInt || node(item).integer < 0) {
        return corrupt(what_,
                       fmt::format("tensor '{}' has a size or stride that is no count", printable(name)));
      }
      values.push_back(node(item).integer);
    }
    return values;
  }

  /// `storage` holds exactly the storage's elements, so every index is checked against bytes that exist.
  Result<TensorView> materialise(const PickleNode& tensor, Bytes storage, std::string_view name) {
    const std::size_t element = size_bytes(tensor.dtype);
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::int64_t> sizes, numbers(tensor.items[1], name));
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<std::int64_t> strides, numbers(tensor.items[2], name));
    // No more elements than the storage has: an expanded tensor could claim any amount of memory.
    const auto total_bytes = checked_size_bytes(sizes, element, storage.size());
    if (sizes.size() != strides.size() || !total_bytes ||
        !within(sizes, strides, tensor.integer, storage.size() / element)) {
      return corrupt(what_, fmt::format("tensor '{}' of shape {} does not lie within its storage of {} bytes",
                                        printable(name), shape_to_string(sizes), storage.size()));
    }
    TensorView view{tensor.dtype, sizes, {}};
    if (*total_bytes == 0) return view;
    if (is_contiguous(sizes, strides)) {
      view.data = storage.subspan(static_cast<std::size_t>(tensor.integer) * element, *total_bytes);
      return view;
    }
    if (*total_bytes > copy_budget_) {
      return Error{ErrorCode::kResourceExhausted,
                   fmt::format("'{}' holds too many tensors that are not contiguous.", what_), ""};
    }
    copy_budget_ -= *total_bytes;
    view.data = copies_.emplace_back(gather(sizes, strides, tensor.integer, element, storage));
    return view;
  }

  /// Whether every index offset + sum(i * stride) with i < size is below `elements`.
  static bool within(const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& strides,
                     std::int64_t offset, std::uint64_t elements) {
    if (offset < 0 || static_cast<std::uint64_t>(offset) > elements) return false;
    if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return true;
    std::uint64_t last = static_cast<std::uint64_t>(offset);
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      std::uint64_t reach = 0;
      if (__builtin_mul_overflow(static_cast<std::uint64_t>(sizes[i] - 1),
                                 static_cast<std::uint64_t>(strides[i]), &reach) ||
          __builtin_add_overflow(last, reach, &last)) {
        return false;
      }
    }
    return last < elements;
  }

  /// Strides of dimensions of size 1 say nothing.
  static bool is_contiguous(const std::vector<std::int64_t>& sizes,
                            const std::vector<std::int64_t>& strides) {
    std::int64_t expected = 1;
    for (std::size_t i = sizes.size(); i-- > 0;) {
      if (sizes[i] != 1 && strides[i] != expected) return false;
      expected *= sizes[i];
    }
    return true;
  }

  static std::vector<std::byte> gather(const std::vector<std::int64_t>& sizes,
                                       const std::vector<std::int64_t>& strides, std::int64_t offset,
                                       std::size_t element, Bytes storage) {
    std::vector<std::byte> out;
    std::vector<std::int64_t> index(sizes.size());
    std::int64_t at = offset;
    while (true) {
      const Bytes value = storage.subspan(static_cast<std::size_t>(at) * element, element);
      out.insert(out.end(), value.begin(), value.end());
      std::size_t dimension = sizes.size();
      while (dimension > 0 && ++index[dimension - 1] == sizes[dimension - 1]) {
        --dimension;
        at -= (sizes[dimension] - 1) * strides[dimension];
        index[dimension] = 0;
      }
      if (dimension == 0) return out;
      at += strides[dimension - 1];
    }
  }

  const Pickle& pickle_;
  std::uint64_t copy_budget_;
  std::string_view what_;
  std::vector<std::vector<std::byte>> copies_;
};

/// "<name>/" when the zip has one "<name>/data.pkl".
Result<std::string> folder_in_zip(const detail::StoredEntries& entries, std::string_view what) {
  constexpr std::string_view kPickle = "/data.pkl";
  std::string folder;
  for (const auto& [name, entry] : entries) {
    if (!name.ends_with(kPickle)) continue;
    if (!folder.empty()) return corrupt(what, "it holds more than one data.pkl");
    folder = name.substr(0, name.size() - kPickle.size() + 1);
  }
  if (folder.empty()) return corrupt(what, "it holds no data.pkl");
  return folder;
}

Result<PytorchTensors> parse_zip(Bytes bytes, std::string_view what) {
  EPICRISIS_ASSIGN_OR_RETURN(const detail::StoredEntries entries, detail::read_stored_zip(bytes, what));
  EPICRISIS_ASSIGN_OR_RETURN(const std::string folder, folder_in_zip(entries, what));
  if (const auto order = entries.find(folder + "byteorder"); order != entries.end()) {
    constexpr std::string_view kLittle = "little";
    if (!std::ranges::equal(order->second.data, std::as_bytes(std::span(kLittle)))) {
      return Error{ErrorCode::kUnsupported, fmt::format("'{}' is not in little-endian order.", what), ""};
    }
  }
  const detail::StoredEntry& pickle_entry = entries.at(folder + "data.pkl");
  EPICRISIS_RETURN_IF_ERROR(detail::verify_checksum(pickle_entry, "data.pkl", what));
  EPICRISIS_ASSIGN_OR_RETURN(const Pickle pickle, detail::read_pickle(pickle_entry.data, what));

  std::map<std::string_view, Bytes> verified;  // tied tensors name a storage several times
  const auto find_storage = [&](const PickleNode& storage) -> Result<Bytes> {
    if (const auto known = verified.find(storage.text); known != verified.end()) {
      if (storage_bytes(storage, known->second.size()) == known->second.size()) return known->second;
      return corrupt(what, fmt::format("storage '{}' has two sizes", printable(storage.text)));
    }
    const std::string name = fmt::format("{}data/{}", folder, storage.text);
    const auto entry = entries.find(name);
    if (entry == entries.end()) {
      return corrupt(what, fmt::format("storage '{}' is missing", printable(storage.text)));
    }
    const Bytes data = entry->second.data;
    if (storage_bytes(storage, data.size()) != data.size()) {
      return corrupt(
          what, fmt::format("storage '{}' has {} bytes, which are not {} elements of {}",
                            printable(storage.text), data.size(), storage.integer, to_string(storage.dtype)));
    }
    EPICRISIS_RETURN_IF_ERROR(detail::verify_checksum(entry->second, name, what));
    verified.emplace(storage.text, data);
    return data;
  };
  return Materialiser(pickle, bytes.size(), what).run(find_storage);
}

/// The container before PyTorch 1.6: pickles of a magic number, a version, the machine, the dict and the
/// list of storage keys; then each storage in that order, its element count before it.
class LegacyFile {
 public:
  LegacyFile(Bytes bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  Result<PytorchTensors> parse() {
    at_ = kMagic.size();
    EPICRISIS_ASSIGN_OR_RETURN(const Pickle version, next_pickle());
    constexpr std::int64_t kVersion = 1001;
    if (version.nodes[version.root].integer != kVersion) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("'{}' was written by a version of PyTorch that is not known.", what_), ""};
    }
    EPICRISIS_RETURN_IF_ERROR(check_machine());
    EPICRISIS_ASSIGN_OR_RETURN(const Pickle pickle, next_pickle());
    EPICRISIS_ASSIGN_OR_RETURN(const Pickle keys, next_pickle());
    std::map<std::string_view, const PickleNode*> storages;
    for (const PickleNode& node : pickle.nodes) {
      if (node.kind == PickleKind::kStorage) storages.emplace(node.text, &node);
    }
    std::map<std::string_view, Bytes> data;
    const PickleNode& list = keys.nodes[keys.root];
    if (list.kind != PickleKind::kList) return corrupt(what_, "it has no list of storages");
    for (const detail::PickleId id : list.items) {
      const auto storage = storages.find(keys.nodes[id].text);
      if (storage == storages.end()) return corrupt(what_, "it lists a storage that no tensor uses");
      EPICRISIS_ASSIGN_OR_RETURN(const Bytes bytes, next_storage(*storage->second));
      data[storage->first] = bytes;
    }
    return Materialiser(pickle, bytes_.size(), what_).run([&](const PickleNode& storage) -> Result<Bytes> {
      const auto found = data.find(storage.text);
      if (found == data.end() || storage_bytes(storage, found->second.size()) != found->second.size()) {
        return corrupt(what_,
                       fmt::format("storage '{}' is missing or has two sizes", printable(storage.text)));
      }
      return found->second;
    });
  }

  /// Pickle of 0x1950a86a20f9469cfc6c, which opens such a file.
  static constexpr std::string_view kMagic =
      std::string_view("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);

 private:
  Result<Pickle> next_pickle() {
    EPICRISIS_ASSIGN_OR_RETURN(Pickle pickle, detail::read_pickle(bytes_.subspan(at_), what_));
    at_ += pickle.size_bytes;
    return pickle;
  }

  Result<void> check_machine() {
    EPICRISIS_ASSIGN_OR_RETURN(const Pickle machine, next_pickle());
    const PickleNode& dict = machine.nodes[machine.root];
    for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleNode& value = machine.nodes[dict.items[i + 1]];
      if (machine.nodes[dict.items[i]].text == "little_endian" && value.integer == 1) return {};
    }
    return Error{ErrorCode::kUnsupported, fmt::format("'{}' is not in little-endian order.", what_), ""};
  }

  Result<Bytes> next_storage(const PickleNode& storage) {
    std::int64_t count = 0;
    if (bytes_.size() - at_ < sizeof count) return corrupt(what_, "its storages end too early");
    std::memcpy(&count, bytes_.data() + at_, sizeof count);
    at_ += sizeof count;
    const auto size = storage_bytes(storage, bytes_.size() - at_);
    if (count != storage.integer || !size) {
      return corrupt(what_, fmt::format("storage '{}' of {} elements is cut off or has another size",
                                        printable(storage.text), storage.integer));
    }
    const Bytes data = bytes_.subspan(at_, *size);
    at_ += *size;
    return data;
  }

  Bytes bytes_;
  std::string_view what_;
  std::size_t at_ = 0;
};

}  // namespace

Result<PytorchTensors> parse_pytorch_bin(Bytes bytes, std::string_view what) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(LegacyFile::kMagic)) return LegacyFile(bytes, what).parse();
  return parse_zip(bytes, what);
}

Result<Weights> read_pytorch_bin(const std::filesystem::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  EPICRISIS_ASSIGN_OR_RETURN(PytorchTensors parsed, parse_pytorch_bin(file.bytes(), path.string()));
  using Storage = std::pair<MappedFile, std::shared_ptr<const void>>;
  return Weights(std::move(parsed.tensors),
                 std::make_shared<const Storage>(std::move(file), std::move(parsed.copies)));
}

}  // namespace epicrisis
