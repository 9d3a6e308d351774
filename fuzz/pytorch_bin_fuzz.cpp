// Any bytes give tensors that lie within them, or an Error.
#include "checkpoint/pytorch_bin.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

#include "touch_tensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace epicrisis;
  const auto tensors = parse_pytorch_bin(std::as_bytes(std::span(data, size)), "fuzz");
  if (tensors) touch_tensors(tensors->tensors);
  return 0;
}
