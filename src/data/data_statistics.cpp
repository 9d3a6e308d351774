#include "data/data_statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "data/csv_writer.hpp"
#include "data/repeated_rows.hpp"

namespace epicrisis::data {
namespace {

constexpr std::size_t kShown = 10;

/// Nearest-rank quantiles; `lengths` is reordered.
Json quantiles(std::vector<std::uint32_t>& lengths) {
  std::sort(lengths.begin(), lengths.end());
  std::uint64_t total = 0;
  for (const std::uint32_t length : lengths) total += length;
  Json result = {{"total", total}};
  if (lengths.empty()) return result;
  const auto count = static_cast<double>(lengths.size());
  result["mean"] = static_cast<double>(total) / count;
  result["min"] = lengths.front();
  result["max"] = lengths.back();
  constexpr std::array<std::pair<const char*, double>, 5> kQuantiles = {
      {{"p25", 0.25}, {"p50", 0.5}, {"p75", 0.75}, {"p90", 0.9}, {"p99", 0.99}}};
  for (const auto& [name, share] : kQuantiles)
    result[name] = lengths[static_cast<std::size_t>(std::max(0.0, std::ceil(share * count) - 1))];
  return result;
}

/// Lengths before anything was cut, and what was; of sources or targets.
Json side_statistics(const PreparedSplit& split, std::uint32_t PreparedRow::*kept,
                     std::uint32_t PreparedRow::*dropped) {
  std::vector<std::uint32_t> lengths;
  lengths.reserve(split.size());
  std::uint64_t rows = 0, lost = 0;
  for (std::size_t i = 0; i < split.size(); ++i) {
    const PreparedRow& row = split.row(i);
    lengths.push_back(row.*kept + row.*dropped);
    lost += row.*dropped;
    rows += row.*dropped > 0 ? 1 : 0;
  }
  Json result = quantiles(lengths);
  result["truncated_rows"] = rows;
  result["truncated_tokens"] = lost;
  return result;
}

/// A row by split, file and number, as it is written and shown.
std::array<std::string, 3> place_of(const CountedSplit& of, std::uint32_t index) {
  const PreparedRow& row = of.split->row(index);
  return {of.name, of.files.at(row.file), std::to_string(row.row)};
}

Result<Json> write_repeats(CsvWriter& csv, const std::vector<RepeatedRow>& repeats, const CountedSplit& split,
                           const CountedSplit& other) {
  std::size_t same_summary = 0;
  Json first = Json::array();
  for (const RepeatedRow& repeat : repeats) {
    const auto own = place_of(split, repeat.index), earlier = place_of(other, repeat.earlier);
    const std::string same = repeat.same_summary ? "note and summary" : "note";
    EPICRISIS_RETURN_IF_ERROR(csv.write(
        std::vector<std::string>{own[0], own[1], own[2], same, earlier[0], earlier[1], earlier[2]}));
    same_summary += repeat.same_summary ? 1 : 0;
    if (first.size() < kShown)
      first.push_back({{"file", own[1]},
                       {"row", split.split->row(repeat.index).row},
                       {"of_file", earlier[1]},
                       {"of_row", other.split->row(repeat.earlier).row}});
  }
  return Json{{"rows", repeats.size()}, {"rows_with_same_summary", same_summary}, {"first", first}};
}

}  // namespace

Json length_statistics(const PreparedSplit& split) {
  return {
      {"rows", split.size()},
      {"source_tokens",
       side_statistics(split, &PreparedRow::source_tokens, &PreparedRow::dropped_source_tokens)},
      {"target_tokens",
       side_statistics(split, &PreparedRow::target_tokens, &PreparedRow::dropped_target_tokens)},
  };
}

Result<Json> write_repeated_rows(const std::filesystem::path& path, const std::vector<CountedSplit>& splits) {
  const std::vector<std::string> header = {"split", "file", "row", "same", "of_split", "of_file", "of_row"};
  EPICRISIS_ASSIGN_OR_RETURN(CsvWriter csv, CsvWriter::create(path, header));
  Json counts = Json::object();
  for (const CountedSplit& counted : splits) {
    EPICRISIS_ASSIGN_OR_RETURN(counts[counted.name],
                               write_repeats(csv, repeats_within(*counted.split), counted, counted));
  }
  if (splits.size() == 2) {
    const auto shared = repeats_across(*splits[0].split, *splits[1].split);
    EPICRISIS_ASSIGN_OR_RETURN(counts["shared"], write_repeats(csv, shared, splits[1], splits[0]));
  }
  EPICRISIS_RETURN_IF_ERROR(csv.commit());
  return counts;
}

}  // namespace epicrisis::data
