// How a comparison looks to people and to programs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/json.hpp"
#include "evaluate/comparison.hpp"

namespace epicrisis::evaluate {
namespace {

std::string cell(const MetricSummary& metric) {
  return fmt::format("{:.2f} [{:.1f}, {:.1f}]", 100 * metric.mean.f1, 100 * metric.f1_interval.low,
                     100 * metric.f1_interval.high);
}

std::vector<std::string> cells(const ComparisonRow& row) {
  return {row.system,
          cell(row.rouge1),
          cell(row.rouge2),
          cell(row.rouge_l),
          cell(row.rouge_lsum),
          fmt::format("{:.1f}", row.generated_words),
          row.generated_tokens ? fmt::format("{:.1f}", *row.generated_tokens) : "",
          row.seconds_per_note ? fmt::format("{:.3f}", *row.seconds_per_note) : ""};
}

/// Width on a terminal, near enough: code points.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

/// The first column to the left, figures to the right.
std::string align(const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths(lines.front().size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  }
  std::string table;
  for (const auto& line : lines) {
    std::string text = line.front() + std::string(widths[0] - width(line.front()), ' ');
    for (std::size_t i = 1; i < line.size(); ++i) {
      text += "  " + std::string(widths[i] - width(line[i]), ' ') + line[i];
    }
    text.erase(text.find_last_not_of(' ') + 1);
    table += text + '\n';
  }
  return table;
}

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

OrderedJson to_json(const MetricSummary& metric) {
  return {{"f", rounded(100 * metric.mean.f1)},
          {"p", rounded(100 * metric.mean.precision)},
          {"r", rounded(100 * metric.mean.recall)},
          {"ci95", {rounded(100 * metric.f1_interval.low), rounded(100 * metric.f1_interval.high)}}};
}

OrderedJson to_json(const ComparisonRow& row) {
  OrderedJson object = {{"system", row.system},
                        {"stratum", row.stratum},
                        {"notes", row.notes},
                        {"rouge1", to_json(row.rouge1)},
                        {"rouge2", to_json(row.rouge2)},
                        {"rougeL", to_json(row.rouge_l)},
                        {"rougeLsum", to_json(row.rouge_lsum)},
                        {"generated_words", rounded(row.generated_words)}};
  object["generated_tokens"] = row.generated_tokens ? OrderedJson(rounded(*row.generated_tokens)) : nullptr;
  object["seconds_per_note"] = row.seconds_per_note ? OrderedJson(rounded(*row.seconds_per_note)) : nullptr;
  return object;
}

}  // namespace

std::string comparison_table(std::span<const ComparisonRow> rows) {
  std::string text;
  for (auto first = rows.begin(); first != rows.end();) {
    const auto last =
        std::find_if(first, rows.end(), [&](const auto& row) { return row.stratum != first->stratum; });
    text += fmt::format("{}{} ({} note{}), F1 x 100 [95 % interval]\n", text.empty() ? "" : "\n",
                        first->stratum, first->notes, first->notes == 1 ? "" : "s");
    std::vector<std::vector<std::string>> lines = {
        {"system", "ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum", "words", "tokens", "s/note"}};
    std::transform(first, last, std::back_inserter(lines), cells);
    text += align(lines);
    first = last;
  }
  return text;
}

std::string comparison_json(std::span<const ComparisonRow> rows) {
  OrderedJson list = OrderedJson::array();
  for (const ComparisonRow& row : rows) list.push_back(to_json(row));
  return OrderedJson{{"rows", std::move(list)}}.dump();
}

}  // namespace epicrisis::evaluate
