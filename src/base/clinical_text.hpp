#pragma once

#include <string>
#include <utility>

namespace epicrisis {

/// Text that may identify a patient: notes, summaries, prompts. It has no formatter and no operator<<, so a
/// log statement or an error message that names one does not compile; reveal() is rare and easy to search
/// for.
class ClinicalText {
 public:
  ClinicalText() = default;
  explicit ClinicalText(std::string text) : text_(std::move(text)) {}

  /// The text itself, to compute on or to send to whoever asked for it; never to log.
  const std::string& reveal() const& noexcept { return text_; }
  std::string reveal() && noexcept { return std::move(text_); }
  std::size_t size_bytes() const noexcept { return text_.size(); }

 private:
  std::string text_;
};

}  // namespace epicrisis
