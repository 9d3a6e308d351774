#include "report/page.hpp"

#include <fmt/format.h>

#include "report/html.hpp"

namespace epicrisis::report {
namespace {

constexpr const char* kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

}  // namespace

std::string to_html(const Page& page) {
  std::string html = fmt::format(
      R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{}</title>
<style>{}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header><h1>{}</h1>
{}
<nav aria-label="Sections"><ul>)",
      kPolicy, escaped(page.title), kPageStyle, escaped(page.title), page.lead);
  for (const Section& section : page.sections)
    html += fmt::format(R"(<li><a href="#{}">{}</a></li>)", section.id, escaped(section.heading));
  html += "</ul></nav></header>\n<main id=\"main\">\n";
  for (const Section& section : page.sections)
    html += fmt::format(
        "<section id=\"{0}\" aria-labelledby=\"{0}-heading\">\n<h2 "
        "id=\"{0}-heading\">{1}</h2>\n{2}\n</section>\n",
        section.id, escaped(section.heading), section.body);
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace epicrisis::report
