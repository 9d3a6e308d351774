#include "data/prepared_split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/sha256.hpp"

namespace epicrisis::data {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "the files are mapped as they are");

Error damaged(const fs::path& file, std::string_view what) {
  return {
      ErrorCode::kCorrupt,
      fmt::format("'{}' is damaged: {}; remove its folder and prepare the data again.", file.string(), what),
      ""};
}

Result<MappedFile> open_checked(const fs::path& file, std::uint64_t size_bytes, const std::string& sha256) {
  EPICRISIS_ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::open(file));
  if (mapped.bytes().size() != size_bytes)
    return damaged(file, fmt::format("{} bytes instead of {}", mapped.bytes().size(), size_bytes));
  if (Sha256().update(mapped.bytes()).hex() != sha256) return damaged(file, "its checksum is another");
  return mapped;
}

template <class T>
std::span<const T> as_array(const MappedFile& file) {
  return {reinterpret_cast<const T*>(file.bytes().data()), file.bytes().size() / sizeof(T)};
}

/// Whether [first, first + count) lies within `size`, without overflow.
bool lies_within(std::uint64_t first, std::uint64_t count, std::uint64_t size) {
  return first <= size && count <= size - first;
}

}  // namespace

PreparedSplit::PreparedSplit(MappedFile rows, MappedFile tokens, MappedFile texts)
    : rows_file_(std::move(rows)), tokens_file_(std::move(tokens)), texts_file_(std::move(texts)) {
  rows_ = as_array<PreparedRow>(rows_file_);
  tokens_ = as_array<TokenId>(tokens_file_);
  const std::span<const char> text = as_array<char>(texts_file_);
  texts_ = {text.data(), text.size()};
}

Result<std::unique_ptr<PreparedSplit>> PreparedSplit::open(const fs::path& folder, const std::string& name,
                                                           const Json& entry, std::size_t vocab_size) {
  constexpr std::int64_t kMost = 1LL << 48;  // so that products below cannot overflow
  const auto open_part = [&](const char* part, std::uint64_t item_bytes) -> Result<MappedFile> {
    const std::string what = fmt::format("split '{}' of '{}'", name, folder.string());
    EPICRISIS_ASSIGN_OR_RETURN(const auto items, json_value(entry, part, std::int64_t{0}, what));
    const std::string sum = std::string(part) + "_sha256";
    EPICRISIS_ASSIGN_OR_RETURN(const std::string sha256, json_value(entry, sum, std::string(), what));
    const fs::path file = folder / fmt::format("{}.{}", name, part);
    if (items < 0 || items > kMost) return damaged(file, "an impossible length");
    return open_checked(file, static_cast<std::uint64_t>(items) * item_bytes, sha256);
  };
  EPICRISIS_ASSIGN_OR_RETURN(MappedFile rows, open_part("rows", sizeof(PreparedRow)));
  EPICRISIS_ASSIGN_OR_RETURN(MappedFile tokens, open_part("tokens", sizeof(TokenId)));
  EPICRISIS_ASSIGN_OR_RETURN(MappedFile texts, open_part("texts", 1));
  auto split =
      std::unique_ptr<PreparedSplit>(new PreparedSplit(std::move(rows), std::move(tokens), std::move(texts)));
  EPICRISIS_RETURN_IF_ERROR(split->check(folder, name, vocab_size));
  return split;
}

Result<void> PreparedSplit::check(const fs::path& folder, const std::string& name, std::size_t vocab_size) {
  const fs::path file = folder / (name + ".rows");
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const PreparedRow& row = rows_[i];
    if (row.source_tokens == 0 || row.target_tokens == 0 ||
        !lies_within(row.first_token, std::uint64_t{row.source_tokens} + row.target_tokens, tokens_.size()) ||
        !lies_within(row.first_text_byte, row.text_bytes, texts_.size()))
      return damaged(file, fmt::format("example {} lies outside", i));
  }
  const bool known = std::all_of(tokens_.begin(), tokens_.end(), [&](TokenId id) {
    return id >= 0 && static_cast<std::size_t>(id) < vocab_size;
  });
  if (!known) return damaged(folder / (name + ".tokens"), "a token outside the vocabulary");
  return {};
}

std::string PreparedSplit::place(std::size_t index) const {
  const PreparedRow& row = rows_[index];
  return row.file < file_names_.size() ? fmt::format("{} row {}", file_names_[row.file], row.row)
                                       : fmt::format("row {}", row.row);
}

TrainingPair PreparedSplit::example(std::size_t index, std::uint64_t) const {
  const PreparedRow& row = rows_[index];
  const auto source = tokens_.begin() + static_cast<std::ptrdiff_t>(row.first_token);
  const auto target = source + row.source_tokens;
  return {{source, target}, {target, target + row.target_tokens}};
}

}  // namespace epicrisis::data
