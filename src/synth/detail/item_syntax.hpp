#pragma once

#include <string_view>

#include "base/result.hpp"
#include "synth/content.hpp"

namespace epicrisis::synth::detail {

/// "@conditions *+note text => summary text" (see Item). Errors: kCorrupt.
Result<Item> parse_item(std::string_view text);

/// "@conditions condition => summary | drug 1 / drug 2": an item, with the home drugs that fit it.
Result<Item> parse_history(std::string_view text);

/// "name|name": rows, or "name": "#18-32" with a unit letter, a step and a maximum. Errors: kCorrupt.
Result<Variable> parse_number(std::string_view name, std::string_view text);
Result<Variable> parse_rows(std::string_view names, const std::vector<std::string>& rows);

/// "%3 @uk text": weight, conditions, text. Errors: kCorrupt.
Result<Production> parse_production(std::string_view text);

}  // namespace epicrisis::synth::detail
