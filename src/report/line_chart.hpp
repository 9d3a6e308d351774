#pragma once

#include <string>
#include <vector>

namespace epicrisis::report {

struct Point {
  double x = 0;
  double y = 0;
};

/// One line of a chart, in the order of x. Points whose y is not finite are left out.
struct Series {
  std::string name;
  std::vector<Point> points;
};

struct LineChart {
  std::string id;     ///< Unique in the page; letters, digits and hyphens.
  std::string title;  ///< Names the chart for all readers.
  std::string x_label;
  std::string y_label;
  std::vector<Series> series;
  bool from_zero = false;  ///< The y axis begins at 0.
};

/// A figure with the chart as inline SVG, a legend, a sentence that says what it shows (for who does not see
/// it) and its numbers as a table to open. Lines differ in colour and dashes; colours follow the page's.
/// Series of more than a thousand points keep the lowest and the highest of each of five hundred stretches.
/// Empty when no series has a point.
std::string to_html(const LineChart& chart);

}  // namespace epicrisis::report
