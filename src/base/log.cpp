#include "base/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <memory>

namespace epicrisis::log {
namespace {

constexpr std::size_t kMaxWordBytes = 200;

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._:/@+-").find(c) != std::string_view::npos;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("epicrisis", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

void write(spdlog::level::level_enum level, std::string_view event, std::initializer_list<Field> fields) {
  if (!logger().should_log(level)) return;
  fmt::memory_buffer line;
  fmt::format_to(std::back_inserter(line), "{}", event);
  for (const Field& field : fields) {
    std::visit(
        [&](const auto& value) { fmt::format_to(std::back_inserter(line), " {}={}", field.key, value); },
        field.value);
  }
  logger().log(level, std::string_view(line.data(), line.size()));
}

}  // namespace

std::string Word::to_string() const {
  if (word_.size() > kMaxWordBytes || !std::all_of(word_.begin(), word_.end(), is_word_character)) {
    return fmt::format("[{} bytes]", word_.size());
  }
  return std::string(word_);
}

void set_level(Level level) {
  switch (level) {
    case Level::kDebug:
      return logger().set_level(spdlog::level::debug);
    case Level::kInfo:
      return logger().set_level(spdlog::level::info);
    case Level::kWarning:
      return logger().set_level(spdlog::level::warn);
    case Level::kError:
      return logger().set_level(spdlog::level::err);
    case Level::kOff:
      return logger().set_level(spdlog::level::off);
  }
}

void debug(std::string_view event, std::initializer_list<Field> fields) {
  write(spdlog::level::debug, event, fields);
}
void info(std::string_view event, std::initializer_list<Field> fields) {
  write(spdlog::level::info, event, fields);
}
void warning(std::string_view event, std::initializer_list<Field> fields) {
  write(spdlog::level::warn, event, fields);
}
void error(std::string_view event, std::initializer_list<Field> fields) {
  write(spdlog::level::err, event, fields);
}

}  // namespace epicrisis::log
