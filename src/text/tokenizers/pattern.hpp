#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.hpp"
#include "text/tokenizers/regex.hpp"

namespace epicrisis {

/// The "pattern" of a component: {"String": …} or {"Regex": …}.
class Pattern {
 public:
  /// Errors: kCorrupt, kUnsupported for an empty text and for what Regex does not take.
  static Result<Pattern> read(const Json& component, std::string_view where);
  static Pattern literal(std::string text) { return {std::move(text), 1, false}; }

  /// Calls visit(ByteRange) for each match in order. Only a regular expression can match nothing.
  template <class Visit>
  void for_each_match(std::string_view text, Visit visit) const {
    if (regex_) {
      Regex::Matches matches(*regex_, text);
      while (const auto match = matches.next()) visit(*match);
      return;
    }
    std::size_t from = 0;
    while (const auto match = find_repeats(text, from)) {
      visit(*match);
      from = match->end;
    }
  }

 private:
  Pattern(std::string unit, std::size_t min_repeats, bool greedy)
      : unit_(std::move(unit)), min_repeats_(min_repeats), greedy_(greedy) {}
  explicit Pattern(Regex regex) : regex_(std::move(regex)) {}
  std::optional<ByteRange> find_repeats(std::string_view text, std::size_t from) const;

  // Texts, and " {2,}" or " +" of unigram tokenizers, need no regular expression.
  std::string unit_;
  std::size_t min_repeats_ = 1;
  bool greedy_ = false;  ///< Takes all repetitions, not just min_repeats_.
  std::optional<Regex> regex_;
};

/// The "content" of a Replace component. Errors: kCorrupt, kUnsupported for more than 1,024 bytes, with which
/// a small file could make any text huge.
Result<std::string> read_replacement(const Json& component, std::string_view where);

}  // namespace epicrisis
