#include "data/row_reader.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

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

/// Index of a column that may be missing; ambiguous ones are still an error.
Result<std::optional<std::size_t>> optional_column(const CsvReader& reader, const std::string& name) {
  for (const std::string& column : reader.header()) {
    if (column != name) continue;
    EPICRISIS_ASSIGN_OR_RETURN(const std::size_t index, reader.column(name));
    return std::optional<std::size_t>(index);
  }
  return std::optional<std::size_t>();
}

class CsvRowReader final : public RowReader {
 public:
  static Result<std::unique_ptr<RowReader>> open(const fs::path& path, const DatasetOptions& options) {
    EPICRISIS_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::open(path, CsvFaults::kByRecord));
    auto rows = std::make_unique<CsvRowReader>(std::move(reader), options);
    EPICRISIS_RETURN_IF_ERROR(rows->find_columns());
    return std::unique_ptr<RowReader>(std::move(rows));
  }
  CsvRowReader(CsvReader reader, const DatasetOptions& options)
      : RowReader(options), reader_(std::move(reader)) {}

 private:
  Result<void> find_columns() {
    EPICRISIS_ASSIGN_OR_RETURN(note_, reader_.column(options().note_column));
    EPICRISIS_ASSIGN_OR_RETURN(id_, optional_column(reader_, std::string(kIdColumn)));
    if (options().require_summary) {
      EPICRISIS_ASSIGN_OR_RETURN(summary_, reader_.column(options().summary_column));
    } else {
      EPICRISIS_ASSIGN_OR_RETURN(summary_, optional_column(reader_, options().summary_column));
    }
    for (const std::string& column : options().extra_columns) {
      EPICRISIS_ASSIGN_OR_RETURN(extra_.emplace_back(), reader_.column(column));
    }
    return {};
  }

  Result<std::optional<ReadRow>> read() override {
    EPICRISIS_ASSIGN_OR_RETURN(std::optional<CsvRow> record, reader_.next());
    if (!record) return std::optional<ReadRow>();
    ReadRow row;
    row.content.row = record->number;
    if (!record->fault.empty()) {
      row.fault = RowFault{ErrorCode::kCorrupt, std::move(record->fault)};
      return std::optional<ReadRow>(std::move(row));
    }
    for (std::size_t i = 0; i < extra_.size(); ++i)
      row.content.extra[options().extra_columns[i]] = record->fields[extra_[i]];
    if (id_) row.content.id = record->fields[*id_];
    if (summary_) row.content.summary = record->fields[*summary_];
    row.content.note = std::move(record->fields[note_]);
    return std::optional<ReadRow>(std::move(row));
  }

  CsvReader reader_;
  std::size_t note_ = 0;
  std::optional<std::size_t> id_, summary_;
  std::vector<std::size_t> extra_;
};

class JsonRowReader final : public RowReader {
 public:
  static Result<std::unique_ptr<RowReader>> open(const fs::path& path, const DatasetOptions& options) {
    EPICRISIS_ASSIGN_OR_RETURN(detail::JsonlReader reader, detail::JsonlReader::open(path));
    return std::unique_ptr<RowReader>(std::make_unique<JsonRowReader>(std::move(reader), options));
  }
  JsonRowReader(detail::JsonlReader reader, const DatasetOptions& options)
      : RowReader(options), reader_(std::move(reader)) {}

 private:
  Result<std::optional<ReadRow>> read() override {
    EPICRISIS_ASSIGN_OR_RETURN(std::optional<detail::JsonLine> line, reader_.next());
    if (!line) return std::optional<ReadRow>();
    ReadRow row;
    row.content.row = line->number;
    if (auto parsed = parse(*line, row.content); !parsed)
      row.fault = RowFault{parsed.error().code, std::move(parsed.error().public_message)};
    return std::optional<ReadRow>(std::move(row));
  }

  Result<void> parse(const detail::JsonLine& line, DatasetRow& row) const {
    if (!line.fault.empty()) return Error{ErrorCode::kCorrupt, line.fault, ""};
    const Result<Json> object = parse_json(line.text, "the line");
    if (!object) {
      const std::string& where = object.error().detail;
      return Error{
          ErrorCode::kCorrupt,
          where.empty() ? "JSON that is nested too deep." : fmt::format("not valid JSON ({}).", where), ""};
    }
    if (!object->is_object()) return Error{ErrorCode::kCorrupt, "not a JSON object.", ""};
    EPICRISIS_ASSIGN_OR_RETURN(row.id, text_member(*object, std::string(kIdColumn), false));
    EPICRISIS_ASSIGN_OR_RETURN(row.note, text_member(*object, options().note_column, true));
    EPICRISIS_ASSIGN_OR_RETURN(row.summary,
                               text_member(*object, options().summary_column, options().require_summary));
    for (const std::string& column : options().extra_columns) {
      EPICRISIS_ASSIGN_OR_RETURN(row.extra[column], text_member(*object, column, true));
    }
    return {};
  }

  /// Member `name` as text. Numbers are allowed: ids and strata often are.
  static Result<std::string> text_member(const Json& object, const std::string& name, bool required) {
    const auto member = object.find(name);
    if (member == object.end() || member->is_null()) {
      if (!required) return std::string();
      return Error{ErrorCode::kInvalidArgument, fmt::format("no member '{}'.", name), ""};
    }
    if (member->is_string()) return member->get<std::string>();
    if (member->is_number() || member->is_boolean()) return member->dump();
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' must be a string.", name), ""};
  }

  detail::JsonlReader reader_;
};

bool is_jsonl(const fs::path& path) {
  fs::path name = path.filename();
  if (name.extension() == ".gz") name = name.stem();
  const fs::path extension = name.extension();
  return extension == ".jsonl" || extension == ".ndjson" || extension == ".json";
}

}  // namespace

Result<std::unique_ptr<RowReader>> RowReader::open(const fs::path& path, const DatasetOptions& options) {
  return is_jsonl(path) ? JsonRowReader::open(path, options) : CsvRowReader::open(path, options);
}

Result<std::optional<ReadRow>> RowReader::next() {
  EPICRISIS_ASSIGN_OR_RETURN(std::optional<ReadRow> row, read());
  if (!row || row->fault) return row;
  DatasetRow& content = row->content;
  const auto blank = [](const std::string& column) {
    return RowFault{ErrorCode::kInvalidArgument,
                    fmt::format("field '{}' is empty; fill it or remove the row.", column)};
  };
  if (is_blank(content.note)) {
    row->fault = blank(options_.note_column);
  } else if (options_.require_summary && is_blank(content.summary)) {
    row->fault = blank(options_.summary_column);
  } else if (is_blank(content.id)) {
    content.id = std::to_string(content.row);
  }
  return row;
}

}  // namespace epicrisis::data
