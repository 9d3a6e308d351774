#include "data/detail/text_fault.hpp"

#include <fmt/format.h>

namespace epicrisis::data::detail {

std::string_view describe(const Utf8Scanner& scanner, bool of_file) noexcept {
  if (scanner.fault() == Utf8Scanner::Fault::kNul) {
    return "a NUL byte; save the file as plain UTF-8 text (UTF-16 is not read).";
  }
  // The files met in practice that are no UTF-8: exports of Windows programs.
  if (of_file && scanner.fault_offset() == 0) {
    return "not valid UTF-8; a file that starts so is often UTF-16: convert it with 'iconv -f UTF-16 -t "
           "UTF-8'.";
  }
  return "not valid UTF-8; if the file is Windows-1252, convert it with 'iconv -f WINDOWS-1252 -t UTF-8'.";
}

std::string locate(const Utf8Scanner& scanner) { return fmt::format("at byte {}", scanner.fault_offset()); }

}  // namespace epicrisis::data::detail
