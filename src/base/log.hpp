#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace epicrisis::log {

/// A short machine-made word (an id, a state, a file name of ours). Anything outside [A-Za-z0-9._:/@+-] or
/// past 200 bytes is shown as its length only: clinical text cannot travel in one by accident.
class Word {
 public:
  explicit Word(std::string_view word) : word_(word) {}
  std::string to_string() const;

 private:
  std::string_view word_;
};

/// One key and a number, a flag or a Word. There is no constructor from a string on purpose.
struct Field {
  template <std::integral I>
  Field(std::string_view name, I number) : key(name), value(static_cast<std::int64_t>(number)) {}
  template <std::floating_point F>
  Field(std::string_view name, F number) : key(name), value(static_cast<double>(number)) {}
  Field(std::string_view name, Word word) : key(name), value(word.to_string()) {}

  std::string_view key;
  std::variant<std::int64_t, double, std::string> value;
};

enum class Level { kDebug, kInfo, kWarning, kError, kOff };

/// Records below `level` are dropped. Default kInfo. Records go to standard error.
void set_level(Level level);

/// log::info("job.finished", {{"tokens_in", 812}, {"took_ms", 431}}) writes one line: time, level, event,
/// fields.
void debug(std::string_view event, std::initializer_list<Field> fields = {});
void info(std::string_view event, std::initializer_list<Field> fields = {});
void warning(std::string_view event, std::initializer_list<Field> fields = {});
void error(std::string_view event, std::initializer_list<Field> fields = {});

}  // namespace epicrisis::log
