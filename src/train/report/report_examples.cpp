#include "train/report/report_examples.hpp"

#include <fmt/format.h>

#include "report/html.hpp"

namespace epicrisis::train {
namespace {

std::string output(const char* style, const std::string& heading, const std::string& text) {
  return fmt::format("<div class=\"{}\"><h5>{}</h5>{}</div>\n", style, heading, report::text_block(text));
}

std::string example_html(const ReportedExample& example, const std::string& id) {
  std::string scores = fmt::format("ROUGE-L {:.1f}", example.rouge_l_after);
  if (example.rouge_l_before) scores += fmt::format(", before {:.1f}", *example.rouge_l_before);
  std::string html = fmt::format(
      R"(<article class="example" aria-labelledby="{0}"><header><h4 id="{0}">Validation note {1}</h4><span class="quiet">{2}</span></header>
<h5>Note</h5>{3}
<div class="outputs">
)",
      id, example.number, scores,
      report::scrolling_text_block(example.note, fmt::format("Note {}", example.number)));
  html += output("reference", "Reference", example.reference);
  if (example.before) html += output("before", "Before fine-tuning", *example.before);
  html += output("after", example.before ? "After fine-tuning" : "Output", example.after);
  return html + "</div></article>\n";
}

}  // namespace

std::string report_examples(std::span<const ReportedExample> examples, const std::string& list_id) {
  std::string html;
  for (const ReportedExample& example : examples)
    html += example_html(example, fmt::format("{}-{}", list_id, example.number));
  return html;
}

}  // namespace epicrisis::train
