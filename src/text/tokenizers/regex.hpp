#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace epicrisis {

/// Part of a text, in bytes.
struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// A regular expression of tokenizer.json: Oniguruma's dialect (Ruby syntax, UTF-8), run by PCRE2 with its
/// JIT compiler. Immutable and thread-safe.
class Regex {
 public:
  /// Errors: kUnsupported naming the expression for what PCRE2 has no equal of, kCorrupt for a malformed one.
  static Result<Regex> compile(std::string_view pattern, std::string_view where);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  /// Walks over the matches in one text, in order. An empty match right behind the match before is passed
  /// over.
  class Matches {
   public:
    /// `regex` and `text` (valid UTF-8) must outlive this.
    Matches(const Regex& regex, std::string_view text);
    Matches(Matches&&) noexcept;
    ~Matches();
    /// The next match; nothing at the end. Throws HostileInputError when the expression needs more than a
    /// million steps for one match: it was written to hang its reader.
    std::optional<ByteRange> next();

   private:
    const Regex& regex_;
    std::string_view text_;
    struct Data;
    std::unique_ptr<Data> data_;
    std::size_t from_ = 0;
    std::optional<std::size_t> last_end_;
  };

 private:
  struct Code;
  explicit Regex(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

namespace detail {
/// `pattern` in PCRE2's dialect, or what in it has no equal there.
Result<std::string> translate_regex(std::string_view pattern, std::string_view where);
}  // namespace detail

}  // namespace epicrisis
