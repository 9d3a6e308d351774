#include "report/line_chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/html.hpp"
#include "report/table.hpp"
#include "report/ticks.hpp"

namespace epicrisis::report {
namespace {

// Of the drawing's own units; the page scales it.
constexpr double kWidth = 640, kHeight = 300;
constexpr double kLeft = 82, kRight = 16, kTop = 14, kBottom = 44;
constexpr int kStyles = 4;
constexpr std::size_t kMostDots = 40;        ///< More would hide the line.
constexpr std::size_t kMostPoints = 1000;    ///< Of a series; more are thinned out.
constexpr std::size_t kStretches = 500;      ///< Each keeps two points.
constexpr std::size_t kMostTableRows = 200;  ///< Of a series.

std::string figure(double value) { return fmt::format("{:.6g}", value == 0 ? 0.0 : value); }

std::vector<Point> finite_points(const Series& series) {
  std::vector<Point> points;
  std::ranges::copy_if(series.points, std::back_inserter(points),
                       [](const Point& point) { return std::isfinite(point.x) && std::isfinite(point.y); });
  return points;
}

/// Keeps the lowest and the highest point of each stretch, so that no spike is lost.
std::vector<Point> thinned(const std::vector<Point>& points) {
  if (points.size() <= kMostPoints) return points;
  std::vector<Point> kept;
  for (std::size_t i = 0; i < kStretches; ++i) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(i * points.size() / kStretches);
    const auto end = points.begin() + static_cast<std::ptrdiff_t>((i + 1) * points.size() / kStretches);
    auto [low, high] = std::minmax_element(begin, end, [](auto a, auto b) { return a.y < b.y; });
    kept.push_back(*std::min(low, high));
    if (low != high) kept.push_back(*std::max(low, high));
  }
  return kept;
}

/// From values to the drawing's units.
struct Axes {
  std::vector<double> x_ticks, y_ticks;

  double x(double value) const {
    return kLeft + (value - x_ticks.front()) / (x_ticks.back() - x_ticks.front()) * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    return kHeight - kBottom -
           (value - y_ticks.front()) / (y_ticks.back() - y_ticks.front()) * (kHeight - kTop - kBottom);
  }
};

Axes axes_of(const std::vector<Series>& series, bool from_zero) {
  Point low = series.front().points.front(), high = low;
  for (const Series& one : series) {
    for (const Point& point : one.points) {
      low = {std::min(low.x, point.x), std::min(low.y, point.y)};
      high = {std::max(high.x, point.x), std::max(high.y, point.y)};
    }
  }
  if (from_zero) low.y = std::min(low.y, 0.0);
  return {round_ticks(low.x, high.x, 7), round_ticks(low.y, high.y, 5)};
}

std::string grid(const Axes& axes, const LineChart& chart) {
  std::string svg = R"(<g aria-hidden="true">)";
  for (const double tick : axes.y_ticks)
    svg += fmt::format(
        R"(<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/><text x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>)",
        kLeft, kWidth - kRight, axes.y(tick), kLeft - 8, axes.y(tick) + 4, figure(tick));
  for (const double tick : axes.x_ticks)
    svg += fmt::format(
        R"(<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/><text x="{0:.1f}" y="{3}" text-anchor="middle">{4}</text>)",
        axes.x(tick), kHeight - kBottom, kHeight - kBottom + 5, kHeight - kBottom + 19, figure(tick));
  svg += fmt::format(R"(<text x="{}" y="{}" text-anchor="middle">{}</text>)", (kLeft + kWidth - kRight) / 2,
                     kHeight - 6, escaped(chart.x_label));
  svg += fmt::format(
      R"svg(<text transform="translate(14 {}) rotate(-90)" text-anchor="middle">{}</text></g>)svg",
      (kTop + kHeight - kBottom) / 2, escaped(chart.y_label));
  return svg + "\n";
}

std::string line(const Series& series, const Axes& axes, int style) {
  std::string points;
  for (const Point& point : series.points)
    points += fmt::format("{:.1f},{:.1f} ", axes.x(point.x), axes.y(point.y));
  std::string svg = fmt::format(R"(<polyline class="line line-{}" points="{}"/>)", style, points);
  if (series.points.size() > kMostDots) return svg + "\n";
  for (const Point& point : series.points)
    svg += fmt::format(
        R"(<circle class="dot-{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{}: {} at {}</title></circle>)", style,
        axes.x(point.x), axes.y(point.y), escaped(series.name), figure(point.y), figure(point.x));
  return svg + "\n";
}

/// What the picture shows, in words.
std::string description(const LineChart& chart, const std::vector<Series>& series) {
  std::string text = fmt::format("Line chart of {} over {}.", chart.y_label, chart.x_label);
  for (const Series& one : series) {
    const auto [low, high] =
        std::ranges::minmax_element(one.points, [](const Point& a, const Point& b) { return a.y < b.y; });
    text += fmt::format(" {}: from {} to {}, lowest {} at {}, highest {} at {}.", one.name,
                        figure(one.points.front().y), figure(one.points.back().y), figure(low->y),
                        figure(low->x), figure(high->y), figure(high->x));
  }
  return text;
}

std::string legend(const std::vector<Series>& series) {
  if (series.size() < 2) return {};
  std::string html = R"(<ul class="legend">)";
  for (std::size_t i = 0; i < series.size(); ++i)
    html += fmt::format(
        R"(<li><svg viewBox="0 0 36 12" aria-hidden="true"><line class="line line-{}" x1="1" x2="35" y1="6" y2="6"/></svg>{}</li>)",
        i % kStyles, escaped(series[i].name));
  return html + "</ul>";
}

std::string numbers(const LineChart& chart, const std::vector<Series>& series) {
  Table table{chart.title, {{"series", false}, {chart.x_label, true}, {chart.y_label, true}}, {}};
  for (const Series& one : series) {
    const std::size_t stride = (one.points.size() + kMostTableRows - 1) / kMostTableRows;
    for (std::size_t i = 0; i < one.points.size(); i += stride)
      table.rows.push_back({one.name, figure(one.points[i].x), figure(one.points[i].y)});
  }
  return "<details><summary>Numbers</summary>" + to_html(table) + "</details>";
}

}  // namespace

std::string to_html(const LineChart& chart) {
  std::vector<Series> series;
  for (const Series& one : chart.series) {
    std::vector<Point> points = thinned(finite_points(one));
    if (!points.empty()) series.push_back({one.name, std::move(points)});
  }
  if (series.empty()) return {};
  const Axes axes = axes_of(series, chart.from_zero);
  std::string html =
      fmt::format("<figure><figcaption>{}</figcaption>{}\n", escaped(chart.title), legend(series));
  html += fmt::format(
      R"(<svg viewBox="0 0 {0} {1}" role="img" aria-labelledby="{2}-title {2}-text"><title id="{2}-title">{3}</title><desc id="{2}-text">{4}</desc>)",
      kWidth, kHeight, chart.id, escaped(chart.title), escaped(description(chart, series)));
  html += grid(axes, chart);
  for (std::size_t i = 0; i < series.size(); ++i)
    html += line(series[i], axes, static_cast<int>(i) % kStyles);
  return html + "</svg>" + numbers(chart, series) + "</figure>\n";
}

}  // namespace epicrisis::report
