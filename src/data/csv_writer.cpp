#include "data/csv_writer.hpp"

#include <utility>

#include "base/check.hpp"

namespace epicrisis::data {
namespace {

constexpr std::size_t kFlushBytes = 1U << 16;

}  // namespace

std::string csv_field(std::string_view field) {
  const bool outer_blank = !field.empty() && (field.front() == ' ' || field.back() == ' ' ||
                                              field.front() == '\t' || field.back() == '\t');
  if (!outer_blank && field.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(field);
  std::string quoted = "\"";
  quoted.reserve(field.size() + 8);
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  quoted += '"';
  return quoted;
}

Result<CsvWriter> CsvWriter::create(std::filesystem::path target, std::span<const std::string> header) {
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::create(std::move(target)));
  CsvWriter writer(std::move(file), header.size());
  EPICRISIS_RETURN_IF_ERROR(writer.write(header));
  return writer;
}

Result<void> CsvWriter::write(std::span<const std::string> fields) {
  EPICRISIS_CHECK(fields.size() == columns_);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) pending_ += ',';
    // One empty field alone would be a blank line, which readers skip.
    pending_ += columns_ == 1 && fields[i].empty() ? "\"\"" : csv_field(fields[i]);
  }
  pending_ += "\r\n";
  if (pending_.size() < kFlushBytes) return {};
  return file_.write(std::exchange(pending_, {}));
}

Result<void> CsvWriter::commit() {
  EPICRISIS_RETURN_IF_ERROR(file_.write(std::exchange(pending_, {})));
  return file_.commit();
}

}  // namespace epicrisis::data
