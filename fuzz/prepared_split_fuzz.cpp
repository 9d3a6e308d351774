// The files of a prepared split, with lengths and checksums that agree with them, as an attacker would make
// them. What is opened must be readable to its last example.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/files.hpp"
#include "base/sha256.hpp"
#include "data/prepared_split.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  using namespace epicrisis;
  static const TemporaryDirectory folder = TemporaryDirectory::create().value();
  // First byte: rows; second: tokens, in words; the rest is text.
  if (size < 2) return 0;
  std::string_view rest(reinterpret_cast<const char*>(input) + 2, size - 2);
  Json entry = Json::object();
  const auto write = [&](const char* part, std::size_t items, std::size_t item_bytes) {
    items = std::min(items, rest.size() / item_bytes);
    const std::string_view bytes = rest.substr(0, items * item_bytes);
    rest.remove_prefix(bytes.size());
    entry[part] = items;
    entry[std::string(part) + "_sha256"] = Sha256().update(bytes).hex();
    if (!write_file_atomically(folder.path() / (std::string("train.") + part), bytes)) std::abort();
  };
  write("rows", input[0], sizeof(data::PreparedRow));
  write("tokens", input[1], sizeof(TokenId));
  write("texts", rest.size(), 1);
  constexpr std::size_t kVocabulary = 1000;
  const auto split = data::PreparedSplit::open(folder.path(), "train", entry, kVocabulary);
  if (!split) return 0;
  for (std::size_t i = 0; i < (*split)->size(); ++i) {
    const data::TrainingPair pair = (*split)->example(i, 0);
    if (pair.source.empty() || pair.target.empty()) std::abort();
    if (pair.source.size() + pair.target.size() != (*split)->length(i)) std::abort();
    const std::string_view text = (*split)->summary(i);
    if (text.size() != (*split)->row(i).text_bytes) std::abort();
    (void)std::count(text.begin(), text.end(), ' ');
  }
  return 0;
}
