// Any config.json gives an Architecture whose parameters can be listed, or an Error of one line.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "base/json.hpp"
#include "checkpoint/checkpoint.hpp"
#include "checkpoint/families/family.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace epicrisis;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = parse_json(text, "config.json");
  if (!config) return 0;
  const auto architecture = read_architecture(*config);
  if (!architecture) {
    EPICRISIS_CHECK(architecture.error().to_line().find('\n') == std::string::npos);
    return 0;
  }
  const Family* const family = find_family(architecture->family);
  EPICRISIS_CHECK(family != nullptr);
  EPICRISIS_CHECK(!family->parameters(*architecture).empty());
  return 0;
}
