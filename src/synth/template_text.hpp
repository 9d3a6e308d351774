#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "synth/random.hpp"

namespace epicrisis::synth {

/// Text with holes: `{slot}` is filled by name, `[a|b|]` is one of its parts, parts may nest.
/// docs/formats/synth.md describes the notation.
class Template {
 public:
  Template() = default;
  /// Errors: kCorrupt, with the text, for an unclosed or empty hole. (Data file text is not clinical text.)
  static Result<Template> parse(std::string_view text);

  using SlotFunction = std::function<std::string(std::string_view slot)>;
  std::string expand(Random& random, const SlotFunction& slot) const;

  /// Calls `visit` with the name of every slot.
  void for_each_slot(const std::function<void(std::string_view)>& visit) const;
  bool empty() const noexcept { return nodes_.empty(); }
  /// As written in the data file.
  const std::string& source() const noexcept { return source_; }

 private:
  struct Node {
    enum class Kind { kText, kSlot, kChoice } kind = Kind::kText;
    std::string text;  ///< The words, or the slot's name.
    std::vector<Template> parts;
  };
  static Result<Template> parse_until(std::string_view text, std::size_t& at, bool inside_choice);
  void expand_into(std::string& out, Random& random, const SlotFunction& slot) const;

  std::vector<Node> nodes_;
  std::string source_;
};

/// "uk", "!uk" or "findings>=2": a test on the note being written.
struct Condition {
  std::string name;
  bool negated = false;
  int at_least = 1;  ///< For names that count something.
};

/// Splits "@a,!b,c>=2 rest" into conditions and rest; text without '@' has none.
Result<std::vector<Condition>> take_conditions(std::string_view& text);

}  // namespace epicrisis::synth
