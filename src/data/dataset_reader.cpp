#include "data/dataset_reader.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "data/row_reader.hpp"

namespace epicrisis::data {

Result<std::vector<DatasetRow>> read_dataset(const std::filesystem::path& path,
                                             const DatasetOptions& options) {
  EPICRISIS_ASSIGN_OR_RETURN(const std::unique_ptr<RowReader> reader, RowReader::open(path, options));
  std::vector<DatasetRow> rows;
  while (options.max_rows == 0 || rows.size() < options.max_rows) {
    EPICRISIS_ASSIGN_OR_RETURN(std::optional<ReadRow> row, reader->next());
    if (!row) break;
    if (row->fault)
      return Error{row->fault->code,
                   fmt::format("'{}' row {}: {}", path.string(), row->content.row, row->fault->reason), ""};
    rows.push_back(std::move(row->content));
  }
  if (rows.empty()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' holds no rows.", path.string()), ""};
  }
  return rows;
}

}  // namespace epicrisis::data
