#pragma once

#include <cstdint>
#include <string_view>

#include "text/tokenizers/stages.hpp"

namespace epicrisis {

/// Builds the next form of a text from left to right, with the alignment that the `tokenizers` library gives
/// it (NormalizedString::transform).
///
/// Each new character either replaces the next old one (taking its alignment) or is inserted (sharing the
/// alignment of the old character before). Removed characters count for the character written last.
class AlignedRewriter {
 public:
  /// `old_text` must outlive the rewriter.
  explicit AlignedRewriter(const AlignedText& old_text);

  /// Writes one character. change 1: inserted; 0: replaces the next old character; -n: replaces it, and the n
  /// after it are removed.
  void write(std::string_view character, std::int64_t change);
  void write(char32_t character, std::int64_t change);
  /// Old bytes [begin, end), unchanged.
  void keep(std::size_t begin, std::size_t end);
  /// `new_part` stands for all of `old_part`: one for one as far as both reach; what is left over is inserted
  /// or removed. Nothing in place of the very first characters leaves their alignment to what follows: the
  /// reference does so too.
  void replace(std::string_view old_part, std::string_view new_part);
  /// Leaves out the next old character.
  void remove();

  AlignedText finish() &&;

 private:
  void flush();

  const AlignedText& old_;
  AlignedText out_;
  std::size_t taken_ = 0;  ///< Old bytes that written characters stand for.
  /// The last character waits here, because removals after it still change what it stands for.
  char pending_[4] = {};
  std::uint32_t pending_size_ = 0;
  std::int64_t pending_change_ = 0;
};

}  // namespace epicrisis
