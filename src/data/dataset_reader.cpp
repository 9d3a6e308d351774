#include "data/dataset_reader.hpp"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "data/csv_reader.hpp"
#include "data/detail/jsonl_reader.hpp"

namespace epicrisis::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIdColumn = "id";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

/// Checks what holds for a row of either format, then keeps it.
Result<void> keep(DatasetRow row, const fs::path& path, const DatasetOptions& options,
                  std::vector<DatasetRow>& rows) {
  const auto blank = [&](const std::string& column) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("'{}' row {}: field '{}' is empty; fill it or remove the row.", path.string(),
                             row.row, column),
                 ""};
  };
  if (is_blank(row.note)) return blank(options.note_column);
  if (options.require_summary && is_blank(row.summary)) return blank(options.summary_column);
  if (is_blank(row.id)) row.id = std::to_string(row.row);
  rows.push_back(std::move(row));
  return {};
}

bool is_full(const std::vector<DatasetRow>& rows, const DatasetOptions& options) {
  return options.max_rows > 0 && rows.size() >= options.max_rows;
}

/// Index of a column that may be missing; ambiguous ones are still an error.
Result<std::optional<std::size_t>> optional_column(const CsvReader& reader, const std::string& name) {
  for (const std::string& column : reader.header()) {
    if (column != name) continue;
    EPICRISIS_ASSIGN_OR_RETURN(const std::size_t index, reader.column(name));
    return std::optional<std::size_t>(index);
  }
  return std::optional<std::size_t>();
}

Result<std::vector<DatasetRow>> read_csv(const fs::path& path, const DatasetOptions& options) {
  EPICRISIS_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::open(path));
  EPICRISIS_ASSIGN_OR_RETURN(const std::size_t note, reader.column(options.note_column));
  EPICRISIS_ASSIGN_OR_RETURN(const auto id, optional_column(reader, std::string(kIdColumn)));
  std::optional<std::size_t> summary;
  if (options.require_summary) {
    EPICRISIS_ASSIGN_OR_RETURN(summary, reader.column(options.summary_column));
  } else {
    EPICRISIS_ASSIGN_OR_RETURN(summary, optional_column(reader, options.summary_column));
  }
  std::vector<std::size_t> extra;
  for (const std::string& column : options.extra_columns) {
    EPICRISIS_ASSIGN_OR_RETURN(extra.emplace_back(), reader.column(column));
  }

  std::vector<DatasetRow> rows;
  while (!is_full(rows, options)) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::optional<CsvRow> record, reader.next());
    if (!record) break;
    DatasetRow row;
    row.row = record->number;
    if (id) row.id = record->fields[*id];
    row.note = record->fields[note];
    if (summary) row.summary = record->fields[*summary];
    for (std::size_t i = 0; i < extra.size(); ++i) {
      row.extra[options.extra_columns[i]] = record->fields[extra[i]];
    }
    EPICRISIS_RETURN_IF_ERROR(keep(std::move(row), path, options, rows));
  }
  return rows;
}

/// Member `name` of a JSON Lines object as text. Numbers are allowed: ids and strata often are.
Result<std::string> text_member(const Json& object, const std::string& name, bool required,
                                const std::string& where) {
  const auto member = object.find(name);
  if (member == object.end() || member->is_null()) {
    if (!required) return std::string();
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: no member '{}'.", where, name), ""};
  }
  if (member->is_string()) return member->get<std::string>();
  if (member->is_number() || member->is_boolean()) return member->dump();
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}: '{}' must be a string.", where, name), ""};
}

Result<std::vector<DatasetRow>> read_jsonl(const fs::path& path, const DatasetOptions& options) {
  EPICRISIS_ASSIGN_OR_RETURN(detail::JsonlReader reader, detail::JsonlReader::open(path));
  std::vector<DatasetRow> rows;
  while (!is_full(rows, options)) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::optional<detail::JsonLine> line, reader.next());
    if (!line) break;
    const std::string where = fmt::format("'{}' row {}", path.string(), line->number);
    EPICRISIS_ASSIGN_OR_RETURN(const Json object, parse_json(line->text, where));
    if (!object.is_object()) {
      return Error{ErrorCode::kCorrupt, fmt::format("{} is not a JSON object.", where), ""};
    }
    DatasetRow row;
    row.row = line->number;
    EPICRISIS_ASSIGN_OR_RETURN(row.id, text_member(object, std::string(kIdColumn), false, where));
    EPICRISIS_ASSIGN_OR_RETURN(row.note, text_member(object, options.note_column, true, where));
    EPICRISIS_ASSIGN_OR_RETURN(row.summary,
                               text_member(object, options.summary_column, options.require_summary, where));
    for (const std::string& column : options.extra_columns) {
      EPICRISIS_ASSIGN_OR_RETURN(row.extra[column], text_member(object, column, true, where));
    }
    EPICRISIS_RETURN_IF_ERROR(keep(std::move(row), path, options, rows));
  }
  return rows;
}

bool is_jsonl(const fs::path& path) {
  fs::path name = path.filename();
  if (name.extension() == ".gz") name = name.stem();
  const fs::path extension = name.extension();
  return extension == ".jsonl" || extension == ".ndjson" || extension == ".json";
}

}  // namespace

Result<std::vector<DatasetRow>> read_dataset(const fs::path& path, const DatasetOptions& options) {
  EPICRISIS_ASSIGN_OR_RETURN(std::vector<DatasetRow> rows,
                             is_jsonl(path) ? read_jsonl(path, options) : read_csv(path, options));
  if (rows.empty()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' holds no rows.", path.string()), ""};
  }
  return rows;
}

}  // namespace epicrisis::data
