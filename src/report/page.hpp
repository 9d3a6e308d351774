#pragma once

#include <string>
#include <vector>

namespace epicrisis::report {

struct Section {
  std::string id;  ///< Letters, digits and hyphens; links point there.
  std::string heading;
  std::string body;  ///< HTML.
};

struct Page {
  std::string title;
  std::string lead;  ///< HTML below the title.
  std::vector<Section> sections;
};

/// A whole HTML 5 document that needs no other file and runs no script (a content security policy forbids
/// both), readable in light and dark, on paper and on narrow windows.
std::string to_html(const Page& page);

/// The style sheet that all pages share.
extern const char* const kPageStyle;

}  // namespace epicrisis::report
