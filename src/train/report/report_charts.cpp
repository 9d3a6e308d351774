#include "train/report/report_charts.hpp"

#include "report/line_chart.hpp"

namespace epicrisis::train {
namespace {

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

/// The value of `key` over steps, divided by `unit`.
report::Series series(const std::vector<Json>& metrics, const std::string& name, const char* key,
                      double unit = 1) {
  report::Series series{name, {}};
  for (const Json& line : metrics) {
    const auto value = line.find(key);
    const auto step = line.find("step");
    if (value != line.end() && value->is_number() && step != line.end() && step->is_number())
      series.points.push_back({step->get<double>(), value->get<double>() / unit});
  }
  return series;
}

}  // namespace

std::string report_charts(const std::vector<Json>& metrics) {
  const std::vector<report::LineChart> charts = {
      {"chart-loss",
       "Loss",
       "updates",
       "loss",
       {series(metrics, "training", "loss"), series(metrics, "validation", "eval_loss")}},
      {"chart-rouge",
       "ROUGE on validation notes",
       "updates",
       "F1 × 100",
       {series(metrics, "ROUGE-1", "eval_rouge1"), series(metrics, "ROUGE-2", "eval_rouge2"),
        series(metrics, "ROUGE-L", "eval_rougeL"), series(metrics, "ROUGE-Lsum", "eval_rougeLsum")}},
      {"chart-rate",
       "Learning rate",
       "updates",
       "learning rate",
       {series(metrics, "learning rate", "learning_rate")},
       true},
      {"chart-gradient",
       "Gradient norm before clipping",
       "updates",
       "norm",
       {series(metrics, "gradient norm", "grad_norm")},
       true},
      {"chart-memory",
       "Peak memory of the process",
       "updates",
       "GiB",
       {series(metrics, "peak memory", "peak_memory_bytes", kGibibyte)},
       true},
      {"chart-speed",
       "Speed of training",
       "updates",
       "tokens a second",
       {series(metrics, "tokens a second", "tokens_per_second")},
       true},
  };
  std::string html = "<div class=\"charts\">\n";
  for (const report::LineChart& chart : charts) html += to_html(chart);
  return html + "</div>\n";
}

}  // namespace epicrisis::train
