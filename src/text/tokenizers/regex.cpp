#include "text/tokenizers/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <utility>

#include "base/hostile_input.hpp"
#include "text/tokenizers/component.hpp"
#include "text/unicode/utf8.hpp"

namespace epicrisis {
namespace {

constexpr std::uint32_t kMaxStepsPerMatch = 1'000'000;
/// Of compiled patterns: far above any published one, far below what a hostile one could ask for.
constexpr std::size_t kMaxPatternBytes = 16 << 10;

struct FreeCode {
  void operator()(pcre2_code* code) const noexcept { pcre2_code_free(code); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* data) const noexcept { pcre2_match_data_free(data); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* context) const noexcept { pcre2_match_context_free(context); }
};

PCRE2_SPTR bytes_of(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

struct Regex::Code {
  std::unique_ptr<pcre2_code, FreeCode> code;
  std::unique_ptr<pcre2_match_context, FreeMatchContext> context;
};

struct Regex::Matches::Data {
  std::unique_ptr<pcre2_match_data, FreeMatchData> data;
};

Regex::Regex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern, std::string_view where) {
  if (pattern.size() > kMaxPatternBytes)
    return detail::unsupported_component(where,
                                         fmt::format("a regular expression of {} bytes", pattern.size()));
  EPICRISIS_ASSIGN_OR_RETURN(const std::string translated, detail::translate_regex(pattern, where));
  int failure = 0;
  PCRE2_SIZE offset = 0;
  // Ruby syntax: ^ and $ are line anchors, and only \n ends a line.
  constexpr std::uint32_t kOptions =
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C;
  auto code = std::make_unique<Code>();
  code->code.reset(
      pcre2_compile(bytes_of(translated), translated.size(), kOptions, &failure, &offset, nullptr));
  if (!code->code) {
    PCRE2_UCHAR message[128];
    pcre2_get_error_message(failure, message, sizeof message);
    return detail::damaged_tokenizer(where, fmt::format("the regular expression '{}' is malformed: {}",
                                                        pattern, reinterpret_cast<const char*>(message)));
  }
  // Without JIT (no executable memory allowed) the interpreter does the same, slower.
  pcre2_jit_compile(code->code.get(), PCRE2_JIT_COMPLETE);
  code->context.reset(pcre2_match_context_create(nullptr));
  EPICRISIS_CHECK(code->context != nullptr);
  pcre2_set_match_limit(code->context.get(), kMaxStepsPerMatch);
  return Regex(std::move(code));
}

Regex::Matches::Matches(const Regex& regex, std::string_view text)
    : regex_(regex), text_(text), data_(std::make_unique<Data>()) {
  data_->data.reset(pcre2_match_data_create(1, nullptr));
  EPICRISIS_CHECK(data_->data != nullptr);
}
Regex::Matches::Matches(Matches&&) noexcept = default;
Regex::Matches::~Matches() = default;

std::optional<ByteRange> Regex::Matches::next() {
  while (from_ <= text_.size()) {
    const auto match = [&](std::uint32_t options) {
      return pcre2_match(regex_.code_->code.get(), bytes_of(text_), text_.size(), from_,
                         options | PCRE2_NO_UTF_CHECK, data_->data.get(), regex_.code_->context.get());
    };
    int found = match(0);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = match(PCRE2_NO_JIT);
    if (found == PCRE2_ERROR_NOMATCH) break;
    // 0: there are groups, and only the whole match was asked for.
    if (found < 0)
      throw HostileInputError(fmt::format("a regular expression failed to match: PCRE2 error {}", found));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(data_->data.get());
    const ByteRange range{bounds[0], bounds[1]};
    if (range.begin >= range.end && last_end_ == range.end) {
      from_ += from_ < text_.size() ? sequence_length(text_[from_]) : 1;
      continue;
    }
    from_ = range.end;
    last_end_ = range.end;
    return range;
  }
  from_ = text_.size() + 1;
  return std::nullopt;
}

}  // namespace epicrisis
