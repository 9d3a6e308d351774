#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace epicrisis::data::detail {

/// Checks text given in blocks: finds the first byte that is no well-formed UTF-8 (Unicode 15, table 3-7) or
/// is a NUL, which no format read here allows.
class Utf8Scanner {
 public:
  enum class Fault { kNone, kInvalid, kNul };

  /// Index in `block` where reading must stop: block.size() when nothing is wrong, else that of the byte
  /// which broke a rule.
  std::size_t scan(std::string_view block) noexcept;
  /// Call at the end of the text: a sequence must not be left open.
  void finish() noexcept {
    if (pending_ > 0) fault_ = Fault::kInvalid;
  }

  Fault fault() const noexcept { return fault_; }
  /// Offset, from the start of the text, of the sequence that holds the fault.
  std::uint64_t fault_offset() const noexcept { return sequence_start_; }

 private:
  bool accept(unsigned char byte) noexcept;

  std::uint64_t offset_ = 0;          ///< Bytes scanned so far.
  std::uint64_t sequence_start_ = 0;  ///< Offset of the first byte of the sequence being read.
  int pending_ = 0;                   ///< Continuation bytes still to come.
  unsigned char lowest_ = 0x80;       ///< Range of the next continuation byte.
  unsigned char highest_ = 0xBF;
  Fault fault_ = Fault::kNone;
};

}  // namespace epicrisis::data::detail
