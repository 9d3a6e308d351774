#include "train/data_report.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <tuple>

#include "base/files.hpp"

namespace epicrisis::train {
namespace {
namespace fs = std::filesystem;

constexpr const char* kSkipped = "skipped_rows.csv";
constexpr const char* kDuplicates = "duplicate_rows.csv";

/// A count in the statistics; 0 where it is missing.
std::uint64_t count_at(const Json& statistics, const std::string& place) {
  const Json::json_pointer pointer(place);
  if (!statistics.contains(pointer) || !statistics[pointer].is_number_unsigned()) return 0;
  return statistics[pointer].get<std::uint64_t>();
}

Json items_at(const Json& statistics, const std::string& place) {
  const Json::json_pointer pointer(place);
  if (!statistics.contains(pointer) || !statistics[pointer].is_array()) return Json::array();
  return statistics[pointer];
}

std::string text_in(const Json& row, const char* key) {
  return row.is_object() && row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : "";
}

std::string place_in(const Json& row) {
  return fmt::format("'{}' row {}", text_in(row, "file"), count_at(row, "/row"));
}

void warn_of_skipped(const Json& statistics, const std::string& split, std::vector<std::string>& warnings) {
  const std::uint64_t skipped = count_at(statistics, "/" + split + "/skipped/rows");
  if (skipped == 0) return;
  for (const Json& row : items_at(statistics, "/" + split + "/skipped/first"))
    warnings.push_back(fmt::format("{} is left out: {}", place_in(row), text_in(row, "reason")));
  warnings.push_back(fmt::format("Left out: {} of {} {} rows; all are listed in {}.", skipped,
                                 skipped + count_at(statistics, "/" + split + "/rows"), split, kSkipped));
}

void warn_of_cuts(const Json& statistics, const std::string& split, std::vector<std::string>& warnings) {
  for (const auto& [side, what, option] : {std::tuple{"source", "notes", "--max-source-length"},
                                           std::tuple{"target", "summaries", "--max-target-length"}}) {
    const std::string place = fmt::format("/{}/{}_tokens", split, side);
    const std::uint64_t rows = count_at(statistics, place + "/truncated_rows");
    if (rows == 0) continue;
    warnings.push_back(fmt::format("{} of {} {} {} are cut to {} and lose {} of {} tokens.", rows,
                                   count_at(statistics, "/" + split + "/rows"), split, what, option,
                                   count_at(statistics, place + "/truncated_tokens"),
                                   count_at(statistics, place + "/total")));
  }
}

void warn_of_repeats(const Json& statistics, const std::string& place, std::string_view what,
                     std::vector<std::string>& warnings) {
  const std::uint64_t rows = count_at(statistics, place + "/rows");
  if (rows == 0) return;
  std::vector<std::string> shown;
  for (const Json& row : items_at(statistics, place + "/first")) shown.push_back(place_in(row));
  warnings.push_back(fmt::format("{}: {} ({} with the same summary), as {}; all are listed in {}.", what,
                                 rows, count_at(statistics, place + "/rows_with_same_summary"),
                                 fmt::join(shown, ", "), kDuplicates));
}

Result<void> copy_list(const fs::path& from, const fs::path& to, bool wanted) {
  std::error_code ignored;
  if (!wanted) {
    fs::remove(to, ignored);  // of an earlier run
    return {};
  }
  EPICRISIS_ASSIGN_OR_RETURN(const MappedFile list, MappedFile::open(from));
  EPICRISIS_ASSIGN_OR_RETURN(AtomicFile copy, AtomicFile::create(to));
  EPICRISIS_RETURN_IF_ERROR(copy.write(list.bytes()));
  return copy.commit();
}

}  // namespace

std::vector<std::string> data_warnings(const Json& statistics) {
  std::vector<std::string> warnings;
  for (const std::string split : {"train", "validation"}) {
    warn_of_skipped(statistics, split, warnings);
    warn_of_cuts(statistics, split, warnings);
    warn_of_repeats(statistics, "/" + split + "/duplicates", "Repeated notes in the " + split + " rows",
                    warnings);
  }
  warn_of_repeats(statistics, "/shared", "Validation rows whose note is trained on, too", warnings);
  return warnings;
}

Result<void> report_data(const data::PreparedDataset& prepared, const TrainingOptions& options,
                         TrainingObserver& observer) {
  const Json statistics = prepared.description.value("statistics", Json::object());
  const auto count = [&](const char* place) { return count_at(statistics, place); };
  EPICRISIS_RETURN_IF_ERROR(copy_list(prepared.folder / kSkipped, options.output_dir / kSkipped,
                                      count("/train/skipped/rows") + count("/validation/skipped/rows") > 0));
  EPICRISIS_RETURN_IF_ERROR(copy_list(
      prepared.folder / kDuplicates, options.output_dir / kDuplicates,
      count("/train/duplicates/rows") + count("/validation/duplicates/rows") + count("/shared/rows") > 0));
  EPICRISIS_RETURN_IF_ERROR(
      write_file_atomically(options.output_dir / "data_statistics.json", statistics.dump(2) + "\n"));
  for (const std::string& warning : data_warnings(statistics)) observer.on_warning(warning);
  return {};
}

}  // namespace epicrisis::train
