#include "train/report/training_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "report/html.hpp"
#include "report/page.hpp"
#include "report/table.hpp"
#include "train/report/report_charts.hpp"
#include "train/report/report_examples.hpp"

namespace epicrisis::train {
namespace {

using report::escaped;

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole >= 3600) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
  return whole >= 60 ? fmt::format("{} min {:02} s", whole / 60, whole % 60)
                     : fmt::format("{:.1f} s", seconds);
}

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (auto place = static_cast<std::ptrdiff_t>(digits.size()) - 3; place > 0; place -= 3)
    digits.insert(static_cast<std::size_t>(place), 1, ',');
  return digits;
}

std::string value_text(const OrderedJson& value) {
  if (value.is_null()) return "(not set)";
  if (value.is_string()) return value.get<std::string>().empty() ? "(empty)" : value.get<std::string>();
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

bool shows_text(const TrainingReport& report) { return !report.worst.empty() || !report.random.empty(); }

std::string lead(const TrainingReport& report) {
  std::string html = fmt::format("<p class=\"quiet\">Training report, written {} by Epicrisis.</p>\n",
                                 escaped(report.written_at));
  if (shows_text(report))
    return html +
           "<p class=\"warning\"><strong>This file holds text of notes.</strong> Keep it where the notes may "
           "be "
           "kept and give it to nobody who may not read them. <code>--report-examples 0</code> makes a "
           "report "
           "without their text.</p>\n";
  return html + "<p class=\"quiet\">This file holds numbers only, no text of notes.</p>\n";
}

std::string figure(const std::string& name, const std::string& value) {
  return fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), escaped(value));
}

std::string summary_section(const TrainingReport& report) {
  const Json& results = report.results;
  std::string html = "<dl class=\"figures\">";
  html += figure("updates", grouped(results.value("global_step", std::uint64_t{0})));
  html += figure("epochs", fmt::format("{:.2f}", results.value("epoch", 0.0)));
  html += figure("training examples", grouped(results.value("train_examples", std::uint64_t{0})));
  html += figure("time", duration_text(results.value("train_runtime", 0.0)));
  html += figure(
      "tokens a second",
      grouped(static_cast<std::uint64_t>(std::max(0.0, results.value("train_tokens_per_second", 0.0)))));
  const auto best = results.find("best_metric");
  if (best != results.end() && best->is_object())
    html += figure("best " + best->value("name", std::string("metric")),
                   fmt::format("{:.4g}", best->value("value", 0.0)));
  return html + "</dl>\n";
}

std::string data_section(const TrainingReport& report) {
  report::Table table{"Lengths in tokens",
                      {{"texts"},
                       {"number", true},
                       {"tokens", true},
                       {"median", true},
                       {"95 %", true},
                       {"longest", true},
                       {"at the limit", true}},
                      {}};
  for (const LengthSummary& of : report.lengths)
    table.rows.push_back({of.of, grouped(of.texts), grouped(of.tokens), grouped(of.median),
                          grouped(of.percentile_95), grouped(of.longest), grouped(of.at_limit)});
  return to_html(table) +
         "<p class=\"quiet\">Texts at the limit were cut to it, but for those that fit exactly.</p>\n";
}

std::string score_cell(const evaluate::MetricSummary& metric) {
  return fmt::format("{:.2f} [{:.1f}, {:.1f}]", 100 * metric.mean.f1, 100 * metric.f1_interval.low,
                     100 * metric.f1_interval.high);
}

std::string scores_section(const TrainingReport& report) {
  report::Table table{"ROUGE F1 × 100 with its 95 % interval (bootstrap over notes), no stemming",
                      {{"system"},
                       {"ROUGE-1", true},
                       {"ROUGE-2", true},
                       {"ROUGE-L", true},
                       {"ROUGE-Lsum", true},
                       {"words", true}},
                      {}};
  for (const evaluate::ComparisonRow& row : report.scores)
    table.rows.push_back({row.system, score_cell(row.rouge1), score_cell(row.rouge2), score_cell(row.rouge_l),
                          score_cell(row.rouge_lsum), fmt::format("{:.1f}", row.generated_words)});
  std::string html = to_html(table);
  if (!report.without_outputs.empty()) html += fmt::format("<p>{}</p>\n", escaped(report.without_outputs));
  return html +
         fmt::format(
             "<p class=\"quiet\">Over {} of {} validation notes{}. Baselines see the text as the model "
             "reads it, cut to its limits. A model worth its cost is above all of them.</p>\n",
             grouped(report.scored_examples), grouped(report.validation_examples),
             report.scored_examples < report.validation_examples ? ", drawn with the run's seed" : "");
}

std::string examples_section(const TrainingReport& report) {
  std::string html;
  if (!report.worst.empty())
    html += fmt::format("<h3>The {} worst</h3>\n<p>Lowest ROUGE-L after training, the worst first.</p>\n{}",
                        report.worst.size(), report_examples(report.worst, "worst"));
  if (!report.random.empty())
    html += fmt::format("<h3>{} drawn at random</h3>\n{}", report.random.size(),
                        report_examples(report.random, "random"));
  return html;
}

std::string options_section(const TrainingReport& report) {
  report::Table table{"All options of the run", {{"option"}, {"value"}}, {}};
  for (const auto& [name, value] : report.options.items()) table.rows.push_back({name, value_text(value)});
  return to_html(table);
}

std::string origins_section(const TrainingReport& report) {
  report::Table files{"Files and their SHA-256", {{"what"}, {"file"}, {"bytes", true}, {"SHA-256"}}, {}};
  for (const FileIdentity& file : report.files)
    files.rows.push_back({file.role, file.name, grouped(file.size_bytes), file.sha256});
  report::Table machine{"Program and machine", {{"what"}, {"value"}}, {}};
  for (const auto& [name, value] : report.environment) machine.rows.push_back({name, value});
  return to_html(files) + to_html(machine);
}

}  // namespace

std::string to_html(const TrainingReport& report) {
  report::Page page{report.name + ": training report", lead(report), {}};
  page.sections.push_back({"summary", "Summary", summary_section(report)});
  page.sections.push_back({"curves", "Curves", report_charts(report.metrics)});
  if (!report.scores.empty())
    page.sections.push_back({"scores", "Scores and baselines", scores_section(report)});
  if (shows_text(report)) page.sections.push_back({"examples", "Examples", examples_section(report)});
  page.sections.push_back({"data", "Data", data_section(report)});
  page.sections.push_back({"options", "Options", options_section(report)});
  page.sections.push_back({"origins", "Origins", origins_section(report)});
  return report::to_html(page);
}

}  // namespace epicrisis::train
