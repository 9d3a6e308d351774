#pragma once

#include <string>
#include <string_view>

namespace epicrisis::api {

/// Messages of application/vnd.amazon.eventstream, numbers big-endian: total length (4), header length (4),
/// CRC-32 of these 8 (4); headers; payload; CRC-32 of all before (4). A header is name length (1), name, type
/// 7 (text), value length (2), value. A `PayloadPart` event with a container's bytes.
std::string payload_part(std::string_view bytes);
/// A `ModelStreamError` exception; `error_code` is ModelInvocationTimeExceeded or StreamBroken.
std::string model_stream_error(std::string_view error_code, std::string_view message);

}  // namespace epicrisis::api
