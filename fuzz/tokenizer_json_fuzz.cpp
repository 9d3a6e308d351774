#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/hostile_input.hpp"
#include "text/tokenizer.hpp"
#include "text/unicode/utf8.hpp"

// Bytes up to the first NUL are a tokenizer.json, those after it a text. Whatever they are, loading ends in a
// tokenizer or an error, and offsets stay in the text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), size);
  const auto tokenizer = epicrisis::Tokenizer::parse(input.substr(0, end));
  if (!tokenizer) return 0;
  const std::string_view text = input.substr(std::min(end + 1, size));
  epicrisis::Encoding encoding;
  try {
    encoding = tokenizer->encode(text);
    (void)tokenizer->decode(encoding.ids);
  } catch (const epicrisis::HostileInputError&) {
    return 0;  // a regular expression or a chain of components that was written to hang or to fill memory
  }
  const std::size_t length = epicrisis::count_code_points(epicrisis::to_valid_utf8(text));
  if (encoding.ids.size() != encoding.offsets.size()) std::abort();
  for (const epicrisis::Offsets& offsets : encoding.offsets)
    if (offsets.begin > offsets.end || offsets.end > length) std::abort();
  return 0;
}
