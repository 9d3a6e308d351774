#include "data/predictions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/check.hpp"
#include "data/csv_reader.hpp"
#include "data/csv_writer.hpp"

namespace epicrisis::data {
namespace {

Error wrong_count(const std::filesystem::path& path, std::string_view many, std::size_t rows) {
  return {ErrorCode::kInvalidArgument,
          fmt::format("'{}' holds {} than {} predictions, one for each row of the data.", path.string(), many,
                      rows),
          ""};
}

}  // namespace

Result<std::vector<std::string>> read_predictions(const std::filesystem::path& path,
                                                  std::span<const DatasetRow> rows, bool more_allowed) {
  EPICRISIS_ASSIGN_OR_RETURN(CsvReader reader, CsvReader::open(path));
  EPICRISIS_ASSIGN_OR_RETURN(const std::size_t prediction, reader.column("prediction"));
  const auto id = std::ranges::find(reader.header(), "id") - reader.header().begin();
  const bool has_id = static_cast<std::size_t>(id) < reader.header().size();

  std::vector<std::string> predictions;
  for (const DatasetRow& row : rows) {
    EPICRISIS_ASSIGN_OR_RETURN(std::optional<CsvRow> record, reader.next());
    if (!record) return wrong_count(path, "fewer", rows.size());
    if (has_id && record->fields[static_cast<std::size_t>(id)] != row.id) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format("'{}' row {}: its id is not that of row {} of the data; put them in the same order.",
                      path.string(), record->number, row.row),
          ""};
    }
    predictions.push_back(std::move(record->fields[prediction]));
  }
  if (!more_allowed) {
    EPICRISIS_ASSIGN_OR_RETURN(const std::optional<CsvRow> record, reader.next());
    if (record) return wrong_count(path, "more", rows.size());
  }
  return predictions;
}

Result<void> write_predictions(const std::filesystem::path& path, std::span<const DatasetRow> rows,
                               std::span<const std::string> predictions) {
  EPICRISIS_CHECK(rows.size() == predictions.size());
  const std::vector<std::string> header = {"id", "prediction", "reference"};
  EPICRISIS_ASSIGN_OR_RETURN(CsvWriter writer, CsvWriter::create(path, header));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EPICRISIS_RETURN_IF_ERROR(writer.write(std::array{rows[i].id, predictions[i], rows[i].summary}));
  }
  return writer.commit();
}

}  // namespace epicrisis::data
