#include "text/tokenizers/aligned_rewriter.hpp"

#include <algorithm>
#include <string>

#include "text/unicode/utf8.hpp"

namespace epicrisis {

AlignedRewriter::AlignedRewriter(const AlignedText& old_text) : old_(old_text) {
  out_.reserve(old_.text.size() + 16);
}

void AlignedRewriter::write(std::string_view character, std::int64_t change) {
  flush();
  pending_size_ = static_cast<std::uint32_t>(character.copy(pending_, sizeof pending_));
  pending_change_ = change;
}

void AlignedRewriter::write(char32_t character, std::int64_t change) {
  std::string bytes;
  append_code_point(bytes, character);
  write(bytes, change);
}

void AlignedRewriter::keep(std::size_t begin, std::size_t end) {
  if (begin == end) return;
  flush();
  const std::string_view text = old_.text;
  if (taken_ != begin) {
    for (std::size_t i = begin; i < end; i += sequence_length(text[i]))
      write(text.substr(i, sequence_length(text[i])), 0);
    return;
  }
  std::size_t last = end - 1;
  while (is_continuation(text[last])) --last;
  out_.append(old_, begin, last);
  taken_ = last;
  write(text.substr(last, end - last), 0);
}

void AlignedRewriter::replace(std::string_view old_part, std::string_view new_part) {
  const auto old_count = static_cast<std::int64_t>(count_code_points(old_part));
  std::int64_t written = 0;
  for (std::size_t i = 0; i < new_part.size(); ++written) {
    const std::string_view character = new_part.substr(i, sequence_length(new_part[i]));
    write(character, written < old_count ? 0 : 1);
    i += character.size();
  }
  if (written < old_count && pending_size_ > 0) pending_change_ += written - old_count;
}

void AlignedRewriter::remove() {
  if (pending_size_ > 0) {
    --pending_change_;
  } else if (taken_ < old_.text.size()) {
    taken_ += sequence_length(old_.text[taken_]);
  }
}

AlignedText AlignedRewriter::finish() && {
  flush();
  return std::move(out_);
}

void AlignedRewriter::flush() {
  if (pending_size_ == 0) return;
  const std::string_view character(pending_, pending_size_);
  const auto start = [this] {
    return old_.alignment.empty() ? Offsets{}
                                  : Offsets{old_.alignment.front().begin, old_.alignment.front().begin};
  };
  if (pending_change_ > 0) {
    out_.append(character, taken_ == 0 ? start() : old_.alignment[taken_ - 1]);
  } else {
    out_.append(character, taken_ < old_.alignment.size() ? old_.alignment[taken_] : start());
    for (std::int64_t i = pending_change_; i <= 0 && taken_ < old_.text.size(); ++i)
      taken_ += sequence_length(old_.text[taken_]);
  }
  pending_size_ = 0;
}

}  // namespace epicrisis
