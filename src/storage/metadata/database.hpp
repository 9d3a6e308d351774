#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace epicrisis::storage {

/// Bytes that are no text; compared byte by byte.
struct Blob {
  std::string bytes;
};

/// What a column or a bound parameter holds.
class SqlValue {
 public:
  SqlValue() = default;
  template <std::integral I>
  SqlValue(I number) : value_(static_cast<std::int64_t>(number)) {}  // NOLINT(google-explicit-constructor)
  SqlValue(double number) : value_(number) {}                        // NOLINT(google-explicit-constructor)
  SqlValue(std::string text) : value_(std::move(text)) {}            // NOLINT(google-explicit-constructor)
  SqlValue(std::string_view text) : value_(std::string(text)) {}     // NOLINT(google-explicit-constructor)
  SqlValue(const char* text) : value_(std::string(text)) {}          // NOLINT(google-explicit-constructor)
  SqlValue(Blob blob) : value_(std::move(blob)) {}                   // NOLINT(google-explicit-constructor)
  template <class T>
  SqlValue(std::optional<T> value) {  // NOLINT(google-explicit-constructor)
    if (value) *this = SqlValue(std::move(*value));
  }

  bool is_null() const noexcept { return std::holds_alternative<std::monostate>(value_); }
  std::int64_t integer() const;     ///< 0 for null. Throws InvariantError for another type.
  double real() const;              ///< Of an integer too; 0 for null.
  const std::string& text() const;  ///< Of a blob too; "" for null.
  const auto& variant() const noexcept { return value_; }

 private:
  std::variant<std::monostate, std::int64_t, double, std::string, Blob> value_;
};

/// The columns of one row, in the order of the SELECT.
using Row = std::vector<SqlValue>;

/// Statements that take effect together. SQL is a constant of the program; values are bound, never pasted.
/// What SQLite refuses travels as an exception to Database::read or write, which makes it an Error.
class Transaction {
 public:
  virtual ~Transaction() = default;
  /// Runs one statement and returns how many rows it inserted, changed or deleted.
  virtual int execute(std::string_view sql, std::initializer_list<SqlValue> values = {}) = 0;
  virtual std::vector<Row> query(std::string_view sql, std::initializer_list<SqlValue> values = {}) = 0;
  std::optional<Row> query_one(std::string_view sql, std::initializer_list<SqlValue> values = {}) {
    std::vector<Row> rows = query(sql, values);
    return rows.empty() ? std::nullopt : std::optional<Row>(std::move(rows.front()));
  }
};

/// One step of a schema: a file of src/storage/metadata/migrations. Steps run once each, in order of number;
/// numbers may have gaps.
struct Migration {
  int number;
  std::string_view name;
  std::string_view sql;
};

/// The steps of DIR/metadata.sqlite and of DIR/logs.sqlite, embedded when the program was built.
std::span<const Migration> metadata_migrations();
std::span<const Migration> logs_migrations();

/// A SQLite database in WAL mode. Thread-safe: one writer at a time, readers beside it. Other processes may
/// use the same file.
class Database {
 public:
  enum class Durability {
    kPowerLoss,     ///< A write that returned survives a power cut (synchronous=FULL).
    kProcessDeath,  ///< It survives SIGKILL; a power cut may take the last ones, never corrupt (NORMAL).
  };
  /// Opens or creates the file, readable by its owner only, and brings its schema up to date.
  /// Errors: kCorrupt when it is no database or one of a newer version, kPermissionDenied,
  /// kResourceExhausted.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path,
                                                std::span<const Migration> migrations,
                                                Durability durability = Durability::kPowerLoss);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Runs `work(Transaction&)`, which returns a Result, and commits; rolls back when it returns an Error or
  /// throws. Errors: those of `work`, kConflict for a violated constraint, kUnavailable when another process
  /// held the file for too long, kResourceExhausted for a full disk.
  template <class Work>
  std::invoke_result_t<Work&, Transaction&> write(Work&& work) {
    return run(work, true);
  }
  /// The same on one snapshot, without changes.
  template <class Work>
  std::invoke_result_t<Work&, Transaction&> read(Work&& work) const {
    return run(work, false);
  }

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  Result<void> run_transaction(const std::function<Result<void>(Transaction&)>& work, bool writes) const;

  template <class Work>
  std::invoke_result_t<Work&, Transaction&> run(Work& work, bool writes) const {
    std::optional<std::invoke_result_t<Work&, Transaction&>> outcome;
    const Result<void> done = run_transaction(
        [&](Transaction& transaction) -> Result<void> {
          outcome.emplace(work(transaction));
          if (!*outcome) return outcome->error();
          return {};
        },
        writes);
    if (!done) return done.error();
    return std::move(*outcome);
  }

  std::unique_ptr<State> state_;
};

}  // namespace epicrisis::storage
