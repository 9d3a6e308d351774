#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::api {

/// The last value of one metric.
struct MetricValue {
  double value = 0;
  double timestamp = 0;  ///< Seconds since 1970.
};

/// MetricDefinitions of a training job: regular expressions (PCRE2) whose first group is a number, looked for
/// in each line of its log.
class MetricPatterns {
 public:
  MetricPatterns();
  MetricPatterns(MetricPatterns&&) noexcept;
  ~MetricPatterns();
  /// Errors: kInvalidArgument when the expression is none.
  Result<void> add(std::string name, const std::string& expression);
  /// Takes the last match of each pattern in `line`. One that needs too many steps finds nothing.
  void look_in(std::string_view line);
  const std::map<std::string, MetricValue>& found() const noexcept { return found_; }

 private:
  struct Pattern;
  std::vector<std::unique_ptr<Pattern>> patterns_;
  std::map<std::string, MetricValue> found_;
};

}  // namespace epicrisis::api
