#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"

namespace epicrisis {

/// The "pattern" of a component: {"String": …}, or of {"Regex": …} the form that unigram tokenizers use, one
/// literal character repeated: " {2,}" or " +".
class Pattern {
 public:
  struct Match {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  /// Errors: kCorrupt, kUnsupported for other regular expressions.
  static Result<Pattern> read(const Json& component, std::string_view where);
  static Pattern literal(std::string text) { return {std::move(text), 1, false}; }

  /// First match at or after `from`, never empty.
  std::optional<Match> find(std::string_view text, std::size_t from) const;

 private:
  Pattern(std::string unit, std::size_t min_repeats, bool greedy)
      : unit_(std::move(unit)), min_repeats_(min_repeats), greedy_(greedy) {}

  std::string unit_;
  std::size_t min_repeats_;
  bool greedy_;  ///< Takes all repetitions, not just min_repeats_.
};

}  // namespace epicrisis
