#include "api/sagemaker/metric_patterns.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <charconv>
#include <ctime>
#include <optional>
#include <utility>

namespace epicrisis::api {
namespace {

constexpr std::uint32_t kMaxSteps = 100'000;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* pointer) const noexcept {
    Free(pointer);
  }
};
using Code = std::unique_ptr<pcre2_code, Freed<pcre2_code_free>>;
using Data = std::unique_ptr<pcre2_match_data, Freed<pcre2_match_data_free>>;
using Context = std::unique_ptr<pcre2_match_context, Freed<pcre2_match_context_free>>;

std::optional<double> number_in(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

}  // namespace

struct MetricPatterns::Pattern {
  std::string name;
  Code code;
  Data data;
  Context context;
};

MetricPatterns::MetricPatterns() = default;
MetricPatterns::MetricPatterns(MetricPatterns&&) noexcept = default;
MetricPatterns::~MetricPatterns() = default;

Result<void> MetricPatterns::add(std::string name, const std::string& expression) {
  int failure = 0;
  PCRE2_SIZE offset = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(),
                          PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &failure, &offset, nullptr));
  if (!code) {
    return Error{
        ErrorCode::kInvalidArgument,
        "A MetricDefinitions regex is no regular expression (error at byte " + std::to_string(offset) + ").",
        ""};
  }
  auto pattern = std::make_unique<Pattern>();
  pattern->name = std::move(name);
  pattern->data.reset(pcre2_match_data_create_from_pattern(code.get(), nullptr));
  pattern->context.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(pattern->context.get(), kMaxSteps);
  pattern->code = std::move(code);
  patterns_.push_back(std::move(pattern));
  return {};
}

void MetricPatterns::look_in(std::string_view line) {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(line.data());
  for (const auto& pattern : patterns_) {
    for (PCRE2_SIZE from = 0; from <= line.size();) {
      const int groups = pcre2_match(pattern->code.get(), subject, line.size(), from, 0, pattern->data.get(),
                                     pattern->context.get());
      if (groups < 1) break;
      const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(pattern->data.get());
      if (groups > 1 && bounds[2] != PCRE2_UNSET) {
        if (const auto value = number_in(line.substr(bounds[2], bounds[3] - bounds[2]))) {
          found_[pattern->name] = {*value, static_cast<double>(std::time(nullptr))};
        }
      }
      from = bounds[1] > from ? bounds[1] : from + 1;
    }
  }
}

}  // namespace epicrisis::api
