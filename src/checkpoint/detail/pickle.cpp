#include "checkpoint/detail/pickle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "checkpoint/detail/printable.hpp"

namespace epicrisis::detail {
namespace {

/// The permitted globals; values of PickleNode::integer.
enum Global : std::int64_t { kOrderedDict, kRebuildTensor, kRebuildParameter, kSize, kStorageClass };

struct PermittedGlobal {
  std::string_view module;
  std::string_view name;
  Global global;
  DType dtype = DType::kFloat32;
};
constexpr std::array kPermitted = {
    PermittedGlobal{"collections", "OrderedDict", kOrderedDict},
    PermittedGlobal{"torch._utils", "_rebuild_tensor_v2", kRebuildTensor},
    PermittedGlobal{"torch._utils", "_rebuild_parameter", kRebuildParameter},
    PermittedGlobal{"torch", "Size", kSize},
    PermittedGlobal{"torch", "FloatStorage", kStorageClass, DType::kFloat32},
    PermittedGlobal{"torch", "HalfStorage", kStorageClass, DType::kFloat16},
    PermittedGlobal{"torch", "BFloat16Storage", kStorageClass, DType::kBFloat16},
    PermittedGlobal{"torch", "DoubleStorage", kStorageClass, DType::kFloat64},
    PermittedGlobal{"torch", "CharStorage", kStorageClass, DType::kInt8},
    PermittedGlobal{"torch", "ByteStorage", kStorageClass, DType::kUInt8},
    PermittedGlobal{"torch", "ShortStorage", kStorageClass, DType::kInt16},
    PermittedGlobal{"torch", "IntStorage", kStorageClass, DType::kInt32},
    PermittedGlobal{"torch", "LongStorage", kStorageClass, DType::kInt64},
    PermittedGlobal{"torch", "BoolStorage", kStorageClass, DType::kBool},
};

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::string_view what)
      : bytes_(bytes.first(std::min(bytes.size(), kMaxPickleBytes))), what_(what) {}

  Result<Pickle> run() {
    while (true) {
      EPICRISIS_ASSIGN_OR_RETURN(const std::uint8_t op, take_number<std::uint8_t>());
      if (op == '.') break;
      EPICRISIS_ASSIGN_OR_RETURN(const bool is_constant, push_constant(op));
      if (is_constant) continue;
      EPICRISIS_ASSIGN_OR_RETURN(const bool is_container, build_container(op));
      if (is_container) continue;
      EPICRISIS_ASSIGN_OR_RETURN(const bool is_object, build_object(op));
      if (is_object) continue;
      --at_;
      return unsupported(fmt::format("opcode 0x{:02x}", op));
    }
    EPICRISIS_ASSIGN_OR_RETURN(pickle_.root, pop());
    pickle_.size_bytes = at_;
    return std::move(pickle_);
  }

 private:
  Error corrupt(std::string_view detail) const {
    return {ErrorCode::kCorrupt, fmt::format("'{}' is not a valid PyTorch checkpoint.", what_),
            fmt::format("{} at byte {} of a pickle", detail, at_)};
  }
  Error unsupported(std::string_view asked_for) const {
    return {ErrorCode::kUnsupported,
            fmt::format("'{}' asks for more than tensors need; no code is run from a checkpoint.", what_),
            fmt::format("{} at byte {} of a pickle", asked_for, at_)};
  }

  // Reading the byte stream.

  Result<std::string_view> take(std::uint64_t count) {
    if (count > bytes_.size() - at_) return corrupt("the data end too early");
    const std::string_view taken(reinterpret_cast<const char*>(bytes_.data()) + at_, count);
    at_ += count;
    return taken;
  }
  template <class T>
  Result<T> take_number() {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string_view raw, take(sizeof(T)));
    T number;
    std::memcpy(&number, raw.data(), sizeof number);
    return number;
  }
  Result<std::string_view> take_line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_, bytes_.size() - at_);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return corrupt("a name without an end");
    at_ += end + 1;
    return rest.substr(0, end);
  }
  template <class Length>
  Result<std::string_view> take_counted() {
    EPICRISIS_ASSIGN_OR_RETURN(const Length length, take_number<Length>());
    return take(length);
  }
  /// A little-endian two's-complement integer of `count` bytes.
  Result<std::int64_t> take_long(std::size_t count) {
    if (count > 8) return unsupported("an integer of more than 8 bytes");
    EPICRISIS_ASSIGN_OR_RETURN(const std::string_view raw, take(count));
    std::uint64_t number = !raw.empty() && (raw.back() & 0x80) != 0 ? ~0ULL : 0ULL;
    std::memcpy(&number, raw.data(), raw.size());
    return static_cast<std::int64_t>(number);
  }

  // The stack. A mark is the height of the stack when it was set.

  Result<bool> push(PickleNode node) {
    if (pickle_.nodes.size() >= kMaxPickleNodes) {
      return Error{ErrorCode::kResourceExhausted, fmt::format("'{}' holds too many objects.", what_),
                   fmt::format("more than {}", kMaxPickleNodes)};
    }
    pickle_.nodes.push_back(std::move(node));
    stack_.push_back(static_cast<PickleId>(pickle_.nodes.size() - 1));
    return true;
  }
  Result<bool> push_int(std::int64_t number) { return push({PickleKind::kInt, {}, number, {}, {}}); }
  Result<bool> push_text(std::string_view text) { return push({PickleKind::kText, {}, 0, text, {}}); }
  Result<PickleId> pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) return corrupt("an empty stack");
    const PickleId id = stack_.back();
    stack_.pop_back();
    return id;
  }
  Result<std::vector<PickleId>> pop_to_mark() {
    if (marks_.empty()) return corrupt("a missing mark");
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    marks_.pop_back();
    std::vector<PickleId> items(from, stack_.end());
    stack_.erase(from, stack_.end());
    return items;
  }
  Result<std::vector<PickleId>> pop_many(std::size_t count) {
    std::vector<PickleId> items(count);
    for (std::size_t i = count; i-- > 0;) {
      EPICRISIS_ASSIGN_OR_RETURN(items[i], pop());
    }
    return items;
  }
  /// The container on top of the stack, to which items are added.
  Result<PickleNode*> top(PickleKind kind) {
    EPICRISIS_ASSIGN_OR_RETURN(const PickleId id, pop());
    stack_.push_back(id);
    if (pickle_.nodes[id].kind != kind) return corrupt("items for what cannot hold them");
    return &pickle_.nodes[id];
  }
  const PickleNode& node(PickleId id) const { return pickle_.nodes[id]; }

  // Opcodes, by what they do. Each returns false for one that is not its own.

  Result<bool> push_constant(std::uint8_t op) {
    switch (op) {
      case 'N':
        return push({});
      case 0x88:  // NEWTRUE
        return push({PickleKind::kBool, {}, 1, {}, {}});
      case 0x89:  // NEWFALSE
        return push({PickleKind::kBool, {}, 0, {}, {}});
      case 'J':
        return push_number<std::int32_t>();
      case 'K':
        return push_number<std::uint8_t>();
      case 'M':
        return push_number<std::uint16_t>();
      case 0x8a: {  // LONG1
        EPICRISIS_ASSIGN_OR_RETURN(const std::uint8_t count, take_number<std::uint8_t>());
        EPICRISIS_ASSIGN_OR_RETURN(const std::int64_t number, take_long(count));
        return push_int(number);
      }
      case 'G': {  // BINFLOAT
        EPICRISIS_RETURN_IF_ERROR(take(8));
        return push({PickleKind::kFloat, {}, 0, {}, {}});
      }
      case 'X':  // BINUNICODE
      case 'T':  // BINSTRING
        return push_counted_text<std::uint32_t>();
      case 'U':   // SHORT_BINSTRING
      case 0x8c:  // SHORT_BINUNICODE
        return push_counted_text<std::uint8_t>();
      case 0x8d:  // BINUNICODE8
        return push_counted_text<std::uint64_t>();
      default:
        return false;
    }
  }
  template <class T>
  Result<bool> push_number() {
    EPICRISIS_ASSIGN_OR_RETURN(const T number, take_number<T>());
    return push_int(number);
  }
  template <class Length>
  Result<bool> push_counted_text() {
    EPICRISIS_ASSIGN_OR_RETURN(const std::string_view text, take_counted<Length>());
    return push_text(text);
  }

  Result<bool> build_container(std::uint8_t op) {
    switch (op) {
      case '(':
        marks_.push_back(stack_.size());
        return true;
      case ')':
        return push({PickleKind::kTuple, {}, 0, {}, {}});
      case ']':
        return push({PickleKind::kList, {}, 0, {}, {}});
      case '}':
        return push({PickleKind::kDict, {}, 0, {}, {}});
      case 't': {
        EPICRISIS_ASSIGN_OR_RETURN(std::vector<PickleId> items, pop_to_mark());
        return push({PickleKind::kTuple, {}, 0, {}, std::move(items)});
      }
      case 0x85:  // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87: {
        EPICRISIS_ASSIGN_OR_RETURN(std::vector<PickleId> items, pop_many(op - 0x84U));
        return push({PickleKind::kTuple, {}, 0, {}, std::move(items)});
      }
      case 'a':
        return add_items(PickleKind::kList, pop_many(1));
      case 'e':
        return add_items(PickleKind::kList, pop_to_mark());
      case 's':
        return add_items(PickleKind::kDict, pop_many(2));
      case 'u':
        return add_items(PickleKind::kDict, pop_to_mark());
      default:
        return false;
    }
  }
  Result<bool> add_items(PickleKind kind, Result<std::vector<PickleId>> popped) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<PickleId> items, std::move(popped));
    EPICRISIS_ASSIGN_OR_RETURN(PickleNode* const container, top(kind));
    if (kind == PickleKind::kDict && items.size() % 2 != 0) return corrupt("a key without a value");
    container->items.insert(container->items.end(), items.begin(), items.end());
    return true;
  }

  Result<bool> build_object(std::uint8_t op) {
    switch (op) {
      case 0x80:  // PROTO
        return skip(1);
      case 0x95:  // FRAME
        return skip(8);
      case 'q':
        return put<std::uint8_t>();
      case 'r':
        return put<std::uint32_t>();
      case 0x94:  // MEMOIZE
        return put_at(static_cast<std::uint32_t>(memo_.size()));
      case 'h':
        return get<std::uint8_t>();
      case 'j':
        return get<std::uint32_t>();
      case 'c': {
        EPICRISIS_ASSIGN_OR_RETURN(const std::string_view module, take_line());
        EPICRISIS_ASSIGN_OR_RETURN(const std::string_view name, take_line());
        return push_global(module, name);
      }
      case 0x93: {  // STACK_GLOBAL
        EPICRISIS_ASSIGN_OR_RETURN(const std::vector<PickleId> names, pop_many(2));
        return push_global(node(names[0]).text, node(names[1]).text);
      }
      case 'Q':
        return push_storage();
      case 'R':
        return reduce();
      case 'b': {  // BUILD: attributes such as _metadata, of no use here
        EPICRISIS_RETURN_IF_ERROR(pop());
        EPICRISIS_RETURN_IF_ERROR(top(PickleKind::kDict));
        return true;
      }
      default:
        return false;
    }
  }
  Result<bool> skip(std::size_t count) {
    EPICRISIS_RETURN_IF_ERROR(take(count));
    return true;
  }
  template <class Index>
  Result<bool> put() {
    EPICRISIS_ASSIGN_OR_RETURN(const Index index, take_number<Index>());
    return put_at(index);
  }
  Result<bool> put_at(std::uint32_t index) {
    EPICRISIS_ASSIGN_OR_RETURN(const PickleId id, pop());
    stack_.push_back(id);
    memo_[index] = id;
    return true;
  }
  template <class Index>
  Result<bool> get() {
    EPICRISIS_ASSIGN_OR_RETURN(const Index index, take_number<Index>());
    const auto found = memo_.find(index);
    if (found == memo_.end()) return corrupt("a reference to nothing");
    stack_.push_back(found->second);
    return true;
  }

  Result<bool> push_global(std::string_view module, std::string_view name) {
    for (const PermittedGlobal& permitted : kPermitted) {
      if (permitted.module == module && permitted.name == name) {
        return push({PickleKind::kGlobal, permitted.dtype, permitted.global, {}, {}});
      }
    }
    return unsupported(fmt::format("'{}.{}'", printable(module), printable(name)));
  }

  /// ('storage', class, key, location, element count[, view]): torch/serialization.py, persistent_id.
  Result<bool> push_storage() {
    EPICRISIS_ASSIGN_OR_RETURN(const PickleId id, pop());
    const std::vector<PickleId>& parts = node(id).items;
    const auto is = [&](std::size_t part, PickleKind kind) { return node(parts[part]).kind == kind; };
    if (node(id).kind != PickleKind::kTuple || (parts.size() != 5 && parts.size() != 6) ||
        !is(0, PickleKind::kText) || node(parts[0]).text != "storage" || !is(1, PickleKind::kGlobal) ||
        node(parts[1]).integer != kStorageClass || !is(2, PickleKind::kText) || !is(4, PickleKind::kInt) ||
        node(parts[4]).integer < 0) {
      return corrupt("a persistent object that is no storage");
    }
    if (parts.size() == 6 && !is(5, PickleKind::kNone)) return unsupported("a view of a storage");
    return push(
        {PickleKind::kStorage, node(parts[1]).dtype, node(parts[4]).integer, node(parts[2]).text, {}});
  }

  Result<bool> reduce() {
    EPICRISIS_ASSIGN_OR_RETURN(const std::vector<PickleId> call, pop_many(2));
    if (node(call[0]).kind != PickleKind::kGlobal || node(call[1]).kind != PickleKind::kTuple) {
      return corrupt("a call of what cannot be called");
    }
    const std::vector<PickleId>& arguments = node(call[1]).items;
    const auto is = [&](std::size_t i, PickleKind kind) { return node(arguments[i]).kind == kind; };
    switch (node(call[0]).integer) {
      case kOrderedDict:
        if (!arguments.empty()) break;
        return push({PickleKind::kDict, {}, 0, {}, {}});
      case kSize:
        if (arguments.size() != 1 || !is(0, PickleKind::kTuple)) break;
        stack_.push_back(arguments[0]);
        return true;
      case kRebuildParameter:
        if (arguments.empty() || !is(0, PickleKind::kTensor)) break;
        stack_.push_back(arguments[0]);
        return true;
      case kRebuildTensor:
        if (arguments.size() < 4 || !is(0, PickleKind::kStorage) || !is(1, PickleKind::kInt) ||
            !is(2, PickleKind::kTuple) || !is(3, PickleKind::kTuple)) {
          break;
        }
        return push({PickleKind::kTensor,
                     node(arguments[0]).dtype,
                     node(arguments[1]).integer,
                     {},
                     {arguments[0], arguments[2], arguments[3]}});
      default:
        break;
    }
    return corrupt("a call with wrong arguments");
  }

  std::span<const std::byte> bytes_;
  std::string_view what_;
  std::size_t at_ = 0;
  Pickle pickle_;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, PickleId> memo_;
};

}  // namespace

Result<Pickle> read_pickle(std::span<const std::byte> bytes, std::string_view what) {
  return Machine(bytes, what).run();
}

}  // namespace epicrisis::detail
