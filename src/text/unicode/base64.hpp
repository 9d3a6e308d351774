#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace epicrisis {

/// Bytes of standard base64 with padding (RFC 4648, section 4); nothing when `text` is anything else.
std::optional<std::string> decode_base64(std::string_view text);

/// Standard base64 with padding.
std::string encode_base64(std::string_view bytes);

}  // namespace epicrisis
