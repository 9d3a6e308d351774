#include "api/worker/csv_payload.hpp"

#include <csv.h>
#include <fmt/format.h>
#include <utf8proc.h>

#include <optional>
#include <utility>

namespace epicrisis::api {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Offset of the first byte that is not part of valid UTF-8.
std::optional<std::size_t> invalid_utf8_at(std::string_view text) {
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  std::size_t offset = 0;
  while (offset < text.size()) {
    utf8proc_int32_t code_point = 0;
    const auto size =
        utf8proc_iterate(bytes + offset, static_cast<utf8proc_ssize_t>(text.size() - offset), &code_point);
    if (size <= 0) return offset;
    offset += static_cast<std::size_t>(size);
  }
  return std::nullopt;
}

/// Collects the column `inputs` while libcsv calls back field by field.
class InputsColumn {
 public:
  void add_field(std::string_view field) {
    if (rows_ == 0) {
      if (field == "inputs" && !column_) column_ = fields_;
      ++width_;
    } else if (column_ == fields_) {
      inputs_.emplace_back(std::string(field));
    }
    ++fields_;
  }

  void end_row() {
    if (fields_ != width_ && !uneven_row_) uneven_row_ = rows_;
    ++rows_;
    fields_ = 0;
  }

  std::size_t rows() const noexcept { return rows_; }

  Result<std::vector<ClinicalText>> take() && {
    if (!column_) {
      return Error{ErrorCode::kInvalidArgument, "The CSV's header row has no column 'inputs'.", ""};
    }
    if (uneven_row_) {
      return Error{ErrorCode::kCorrupt,
                   fmt::format("Row {} of the CSV does not have as many fields as its header.", *uneven_row_),
                   ""};
    }
    return std::move(inputs_);
  }

 private:
  std::size_t rows_ =
      0;  // complete ones, the header included; so the number of the row after the header is 1
  std::size_t fields_ = 0;
  std::size_t width_ = 0;
  std::optional<std::size_t> column_;
  std::optional<std::size_t> uneven_row_;
  std::vector<ClinicalText> inputs_;
};

extern "C" {
void on_csv_field(void* field, std::size_t size, void* column) {
  static_cast<InputsColumn*>(column)->add_field({static_cast<const char*>(field), size});
}
void on_csv_row(int /*ended_by*/, void* column) { static_cast<InputsColumn*>(column)->end_row(); }
int is_csv_space(unsigned char /*c*/) { return 0; }  // a note's own blanks are not trimmed
}

/// Owns libcsv's buffers.
class CsvParser {
 public:
  CsvParser() {
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_space_func(&parser_, is_csv_space);
  }
  CsvParser(const CsvParser&) = delete;
  CsvParser& operator=(const CsvParser&) = delete;
  ~CsvParser() { csv_free(&parser_); }

  bool parse(std::string_view text, InputsColumn& column) {
    return csv_parse(&parser_, text.data(), text.size(), on_csv_field, on_csv_row, &column) == text.size() &&
           csv_fini(&parser_, on_csv_field, on_csv_row, &column) == 0;
  }

 private:
  csv_parser parser_{};
};

void append_csv_field(std::string& csv, std::string_view field) {
  // A row that is one empty field would be an empty line, which readers skip.
  if (!field.empty() && field.find_first_of(",\"\r\n") == std::string_view::npos) {
    csv += field;
    return;
  }
  csv += '"';
  for (const char c : field) csv.append(c == '"' ? 2 : 1, c);
  csv += '"';
}

}  // namespace

Result<std::vector<ClinicalText>> decode_csv_inputs(std::string_view text) {
  if (const auto offset = invalid_utf8_at(text)) {
    return Error{ErrorCode::kCorrupt, fmt::format("The CSV is not valid UTF-8 at byte {}.", *offset), ""};
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  InputsColumn column;
  if (CsvParser parser; !parser.parse(text, column)) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("The CSV has a misplaced or unclosed quote in row {}.", column.rows()), ""};
  }
  return std::move(column).take();
}

std::string encode_csv_results(std::string_view key, std::span<const std::string> results) {
  std::string csv(key);
  csv += "\r\n";
  for (const std::string& result : results) {
    append_csv_field(csv, result);
    csv += "\r\n";
  }
  return csv;
}

}  // namespace epicrisis::api
