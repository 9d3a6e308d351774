#include "report/table.hpp"

#include <fmt/format.h>

#include "report/html.hpp"

namespace epicrisis::report {

std::string to_html(const Table& table) {
  std::string html = fmt::format(
      R"(<div class="scroll" role="region" aria-label="{0}" tabindex="0"><table><caption>{0}</caption>)",
      escaped(table.caption));
  html += "<thead><tr>";
  for (const Column& column : table.columns)
    html += fmt::format(R"(<th scope="col"{}>{}</th>)", column.numeric ? R"( class="number")" : "",
                        escaped(column.heading));
  html += "</tr></thead><tbody>";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool numeric = i < table.columns.size() && table.columns[i].numeric;
      html += fmt::format("<{0}{1}>{2}</{3}>", i == 0 ? R"(th scope="row")" : "td",
                          numeric ? R"( class="number")" : "", escaped(row[i]), i == 0 ? "th" : "td");
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace epicrisis::report
