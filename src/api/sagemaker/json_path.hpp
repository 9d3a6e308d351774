#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace epicrisis::api {

/// The JSONPath of DataProcessing filters: `$`, `.name`, `['name']`, `['a','b']`, `[2]`, `[1:3]`, `[*]`,
/// `.*`. Recursive descent, negative numbers and expressions are not among them.
class JsonPath {
 public:
  /// Errors: kInvalidArgument with the position of what is not understood.
  static Result<JsonPath> parse(std::string_view text);

  bool is_whole() const noexcept { return steps_.empty(); }
  /// What the path finds: the value itself for a path of single steps, else a list. Nothing when a single
  /// step leads nowhere.
  std::optional<OrderedJson> select(const OrderedJson& value) const;

 private:
  struct Step {
    std::vector<std::string> names;  ///< Members; none: elements or all.
    std::optional<std::size_t> begin;
    std::optional<std::size_t> end;
    bool is_range = false;  ///< [begin:end], or all of an object or list.
  };
  static Result<Step> parse_bracket(std::string_view text, std::size_t& at);

  std::vector<Step> steps_;
};

}  // namespace epicrisis::api
