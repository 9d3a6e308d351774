#pragma once

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "base/error.hpp"

namespace epicrisis {

/// A value or the Error that kept it from being made, spelled like C++23's std::expected<T, Error>.
/// Dropping one is a build error. Reading the side that is not there throws InvariantError.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)
  /// A subclass behind a unique_ptr or shared_ptr converts as the pointer does.
  template <class U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
           !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, Result>)
      Result(U&& value)
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  T& value() & {
    EPICRISIS_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    EPICRISIS_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    EPICRISIS_CHECK(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & {
    EPICRISIS_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  const Error& error() const& {
    EPICRISIS_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    EPICRISIS_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error. `return {};` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const { EPICRISIS_CHECK(has_value()); }
  Error& error() & {
    EPICRISIS_CHECK(!has_value());
    return *error_;
  }
  const Error& error() const& {
    EPICRISIS_CHECK(!has_value());
    return *error_;
  }
  Error&& error() && {
    EPICRISIS_CHECK(!has_value());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace epicrisis

#define EPICRISIS_CONCAT_INNER(a, b) a##b
#define EPICRISIS_CONCAT(a, b) EPICRISIS_CONCAT_INNER(a, b)

/// EPICRISIS_ASSIGN_OR_RETURN(auto vocab, load_vocab(path)): the value, or return the Error to the caller.
#define EPICRISIS_ASSIGN_OR_RETURN(declaration, expression) \
  EPICRISIS_ASSIGN_OR_RETURN_INNER(EPICRISIS_CONCAT(result_on_line_, __LINE__), declaration, expression)
#define EPICRISIS_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                             \
  if (!result) return std::move(result).error();                          \
  declaration = std::move(result).value()

/// Returns the Error of a Result<void> (or any Result whose value is not wanted) to the caller.
#define EPICRISIS_RETURN_IF_ERROR(expression) \
  if (auto result = (expression); !result) return std::move(result).error()
