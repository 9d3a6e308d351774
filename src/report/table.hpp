#pragma once

#include <string>
#include <vector>

namespace epicrisis::report {

struct Column {
  std::string heading;
  bool numeric = false;  ///< Set to the right, figures of one width.
};

/// Rows of plain text; the first cell of each is its heading. What is in cells is escaped.
struct Table {
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;
};

/// A <table> in a box that scrolls by itself where the window is narrow.
std::string to_html(const Table& table);

}  // namespace epicrisis::report
