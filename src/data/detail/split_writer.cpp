#include "data/detail/split_writer.hpp"

#include <charconv>
#include <span>
#include <utility>

#include "data/prepared_split.hpp"

namespace epicrisis::data::detail {
namespace {

constexpr std::size_t kPendingBytes = std::size_t{1} << 18;

std::string_view bytes_of(const std::vector<TokenId>& ids) {
  return {reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(TokenId)};
}

}  // namespace

Result<HashedFile> HashedFile::create(const std::filesystem::path& path) {
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(path));
  return HashedFile(std::move(file));
}

Result<void> HashedFile::write(std::string_view bytes) {
  pending_ += bytes;
  return pending_.size() < kPendingBytes ? Result<void>() : flush();
}

Result<void> HashedFile::flush() {
  hash_.update(pending_);
  EPICRISIS_RETURN_IF_ERROR(file_.write(std::string_view(pending_)));
  pending_.clear();
  return {};
}

Result<std::string> HashedFile::finish() {
  EPICRISIS_RETURN_IF_ERROR(flush());
  EPICRISIS_RETURN_IF_ERROR(file_.commit());
  return hash_.hex();
}

SplitWriter::SplitWriter(HashedFile rows, HashedFile tokens, HashedFile texts)
    : rows_(std::move(rows)), tokens_(std::move(tokens)), texts_(std::move(texts)) {}

Result<SplitWriter> SplitWriter::create(const std::filesystem::path& folder, const std::string& name) {
  EPICRISIS_ASSIGN_OR_RETURN(HashedFile rows, HashedFile::create(folder / (name + ".rows")));
  EPICRISIS_ASSIGN_OR_RETURN(HashedFile tokens, HashedFile::create(folder / (name + ".tokens")));
  EPICRISIS_ASSIGN_OR_RETURN(HashedFile texts, HashedFile::create(folder / (name + ".texts")));
  return SplitWriter(std::move(rows), std::move(tokens), std::move(texts));
}

Result<void> SplitWriter::add(const EncodedPair& pair, const DatasetRow& row, std::uint32_t file) {
  PreparedRow record;
  record.first_token = tokens_.size_bytes() / sizeof(TokenId);
  record.first_text_byte = texts_.size_bytes();
  record.row = row.row;
  record.note_hash = text_hash(row.note);
  record.summary_hash = text_hash(row.summary);
  record.source_tokens = static_cast<std::uint32_t>(pair.pair.source.size());
  record.target_tokens = static_cast<std::uint32_t>(pair.pair.target.size());
  record.dropped_source_tokens = pair.dropped_source_tokens;
  record.dropped_target_tokens = pair.dropped_target_tokens;
  record.text_bytes = static_cast<std::uint32_t>(row.summary.size());
  record.file = file;
  EPICRISIS_RETURN_IF_ERROR(rows_.write({reinterpret_cast<const char*>(&record), sizeof record}));
  EPICRISIS_RETURN_IF_ERROR(tokens_.write(bytes_of(pair.pair.source)));
  EPICRISIS_RETURN_IF_ERROR(tokens_.write(bytes_of(pair.pair.target)));
  EPICRISIS_RETURN_IF_ERROR(texts_.write(row.summary));
  ++rows_count_;
  return {};
}

Result<Json> SplitWriter::finish() {
  Json entry = {{"rows", rows_count_},
                {"tokens", tokens_.size_bytes() / sizeof(TokenId)},
                {"texts", texts_.size_bytes()}};
  EPICRISIS_ASSIGN_OR_RETURN(entry["rows_sha256"], rows_.finish());
  EPICRISIS_ASSIGN_OR_RETURN(entry["tokens_sha256"], tokens_.finish());
  EPICRISIS_ASSIGN_OR_RETURN(entry["texts_sha256"], texts_.finish());
  return entry;
}

std::uint64_t text_hash(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  constexpr std::size_t kDigits = 16;
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first != std::string_view::npos) text = text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
  const std::string hex = Sha256().update(text).hex();
  std::uint64_t hash = 0;
  std::from_chars(hex.data(), hex.data() + kDigits, hash, 16);
  return hash;
}

}  // namespace epicrisis::data::detail
