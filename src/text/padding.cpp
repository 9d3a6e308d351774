#include <algorithm>

#include "text/tokenizer.hpp"

namespace epicrisis {

void pad(Encoding& encoding, const PaddingOptions& options) {
  const std::size_t multiple = std::max<std::size_t>(options.multiple_of, 1);
  const std::size_t size = encoding.ids.size();
  const std::size_t wanted = options.length == 0 ? size : options.length;
  const std::size_t length = (wanted + multiple - 1) / multiple * multiple;
  encoding.attention_mask.resize(size, 1);
  if (size >= length) return;
  const bool left = options.side == Side::kLeft;
  const auto fill = [&](auto& list, auto value) {
    list.insert(left ? list.begin() : list.end(), length - size, value);
  };
  fill(encoding.ids, options.pad_id);
  fill(encoding.offsets, Offsets{});
  fill(encoding.attention_mask, std::uint8_t{0});
}

void pad_batch(std::span<Encoding> encodings, PaddingOptions options) {
  for (const Encoding& encoding : encodings) options.length = std::max(options.length, encoding.ids.size());
  for (Encoding& encoding : encodings) pad(encoding, options);
}

}  // namespace epicrisis
