// Data sets as people export them: the first byte chooses CSV or JSON Lines. Rows must be numbered in order,
// and what has no fault must be whole.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/files.hpp"
#include "data/row_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  using namespace epicrisis;
  static const TemporaryDirectory folder = TemporaryDirectory::create().value();
  if (size < 1) return 0;
  const auto path = folder.path() / (input[0] % 2 == 0 ? "rows.csv" : "rows.jsonl");
  const std::string_view text(reinterpret_cast<const char*>(input) + 1, size - 1);
  if (!write_file_atomically(path, text)) std::abort();
  const auto reader = data::RowReader::open(path, {});
  if (!reader) return 0;
  std::size_t last = 0;
  while (true) {
    const auto row = (*reader)->next();
    if (!row || !*row) return 0;
    const data::ReadRow& read = **row;
    if (read.content.row != ++last) std::abort();
    if (read.fault ? read.fault->reason.empty() : read.content.note.empty() || read.content.summary.empty())
      std::abort();
  }
}
