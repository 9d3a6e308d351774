#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "checkpoint/tensor.hpp"

namespace epicrisis::detail {

/// Index of a PickleNode. Nodes refer to each other by index: a pickle may build cycles, and no walk over
/// them recurses.
using PickleId = std::uint32_t;

enum class PickleKind : std::uint8_t {
  kNone,
  kBool,     ///< integer
  kInt,      ///< integer
  kFloat,    ///< its value is never needed, so it is not kept
  kText,     ///< text
  kTuple,    ///< items
  kList,     ///< items
  kDict,     ///< items: key, value, key, value, ...
  kGlobal,   ///< integer: which of the permitted names; dtype for a storage class
  kStorage,  ///< dtype, text: key, integer: elements
  kTensor,   ///< items: storage, sizes, strides; integer: offset into the storage in elements
};

struct PickleNode {
  PickleKind kind = PickleKind::kNone;
  DType dtype = DType::kFloat32;
  std::int64_t integer = 0;
  std::string_view text;  ///< A view into the pickle.
  std::vector<PickleId> items;
};

/// What a pickle built, and how many bytes it took.
struct Pickle {
  std::vector<PickleNode> nodes;
  PickleId root = 0;
  std::size_t size_bytes = 0;
};

/// Bounds on one pickle; the largest models we know need 1 MiB and 150,000 nodes.
inline constexpr std::size_t kMaxPickleBytes = 32U << 20;
inline constexpr std::size_t kMaxPickleNodes = 2'000'000;

/// Interprets the pickle at the start of `bytes`: the opcodes of protocols 2 to 4 (Python's pickletools) that
/// a state dict of tensors needs. Nothing is imported or called: collections.OrderedDict,
/// torch._utils._rebuild_tensor_v2, torch._utils._rebuild_parameter, torch.Size and torch's storage classes
/// are known by name and become nodes, any other name ends the reading. Time and memory are linear in the
/// bytes read. `what` names the source in errors. Errors: kCorrupt with the byte offset, kUnsupported naming
/// a global or an opcode outside that set, kResourceExhausted past the bounds above.
Result<Pickle> read_pickle(std::span<const std::byte> bytes, std::string_view what);

}  // namespace epicrisis::detail
