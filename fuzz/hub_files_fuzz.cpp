// What the hub reads as JSON from other hands: a store's manifest, a hub's listing, an index of shards. Input
// that is accepted must be written and read again as it was.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hub/detail/repository_listing.hpp"
#include "hub/manifest.hpp"
#include "hub/model_files.hpp"
#include "hub/model_name.hpp"
#include "hub/pull_model.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace epicrisis;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = parse_manifest(text, "manifest.json")) {
    const auto again = parse_manifest(format_manifest(*manifest), "manifest.json");
    if (!again || !(*again == *manifest)) std::abort();
  }
  (void)detail::parse_repository_listing(text, "listing").has_value();
  (void)read_shard_names(text, "model.safetensors.index.json", "index").has_value();
  (void)parse_model_name(text).has_value();
  (void)parse_repository_name(text).has_value();
  return 0;
}
