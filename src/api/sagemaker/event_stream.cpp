#include "api/sagemaker/event_stream.hpp"

#include <zlib.h>

#include <array>
#include <initializer_list>
#include <utility>

#include "base/json.hpp"

namespace epicrisis::api {
namespace {

using Header = std::pair<std::string_view, std::string_view>;

constexpr char kTextType = 7;
constexpr std::size_t kPreludeBytes = 12;
constexpr std::size_t kChecksumBytes = 4;

void append_number(std::string& message, std::uint32_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    message += static_cast<char>(number >> shift & 0xFFU);
}

void append_crc(std::string& message) {
  const auto* bytes = reinterpret_cast<const Bytef*>(message.data());
  append_number(message, static_cast<std::uint32_t>(crc32(0, bytes, static_cast<uInt>(message.size()))), 4);
}

std::string encode(std::initializer_list<Header> headers, std::string_view payload) {
  std::string encoded;
  for (const auto& [name, value] : headers) {
    append_number(encoded, static_cast<std::uint32_t>(name.size()), 1);
    encoded += name;
    encoded += kTextType;
    append_number(encoded, static_cast<std::uint32_t>(value.size()), 2);
    encoded += value;
  }
  const std::size_t total = kPreludeBytes + encoded.size() + payload.size() + kChecksumBytes;
  std::string message;
  message.reserve(total);
  append_number(message, static_cast<std::uint32_t>(total), 4);
  append_number(message, static_cast<std::uint32_t>(encoded.size()), 4);
  append_crc(message);
  message += encoded;
  message += payload;
  append_crc(message);
  return message;
}

}  // namespace

std::string payload_part(std::string_view bytes) {
  return encode({{":message-type", "event"},
                 {":event-type", "PayloadPart"},
                 {":content-type", "application/octet-stream"}},
                bytes);
}

std::string model_stream_error(std::string_view error_code, std::string_view message) {
  const Json payload = {{"Message", message}, {"ErrorCode", error_code}};
  return encode({{":message-type", "exception"},
                 {":exception-type", "ModelStreamError"},
                 {":content-type", "application/json"}},
                payload.dump());
}

}  // namespace epicrisis::api
