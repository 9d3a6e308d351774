// Any bytes give tensors that lie within them, or an Error.
#include "checkpoint/safetensors.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

#include "touch_tensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace epicrisis;
  const auto tensors = parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz");
  if (tensors) touch_tensors(*tensors);
  return 0;
}
