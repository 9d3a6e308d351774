#include "storage/metadata/database.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/check.hpp"
#include "base/descriptor.hpp"
#include "base/files.hpp"

namespace epicrisis::storage {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyTimeoutMs = 10'000;

/// SQLite's own words name tables and columns, never values.
Error sqlite_error(const SQLite::Exception& failure) {
  const std::string detail =
      fmt::format("SQLite {}: {}", failure.getExtendedErrorCode(), failure.getErrorStr());
  switch (failure.getErrorCode()) {
    case SQLITE_CONSTRAINT:
      return {ErrorCode::kConflict, "This exists already, or something depends on it.", detail};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::kUnavailable, "The metadata store is in use; try again.", detail};
    case SQLITE_FULL:
      return {ErrorCode::kResourceExhausted, "The disk of the metadata store is full.", detail};
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return {ErrorCode::kCorrupt, "The metadata store is damaged; restore it from a backup.", detail};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return {ErrorCode::kPermissionDenied, "The metadata store cannot be opened for writing.", detail};
    default:
      return {ErrorCode::kInternal, "The metadata store failed.", detail};
  }
}

void bind(SQLite::Statement& statement, int index, const SqlValue& value) {
  const auto& held = value.variant();
  if (const auto* number = std::get_if<std::int64_t>(&held)) return statement.bind(index, *number);
  if (const auto* real = std::get_if<double>(&held)) return statement.bind(index, *real);
  if (const auto* text = std::get_if<std::string>(&held)) return statement.bind(index, *text);
  if (const auto* blob = std::get_if<Blob>(&held)) {
    return statement.bind(index, blob->bytes.data(), static_cast<int>(blob->bytes.size()));
  }
  statement.bind(index);
}

SqlValue value_of(const SQLite::Column& column) {
  if (column.isInteger()) return column.getInt64();
  if (column.isFloat()) return column.getDouble();
  if (column.isText()) return column.getString();
  if (column.isBlob()) {
    return Blob{
        std::string(static_cast<const char*>(column.getBlob()), static_cast<std::size_t>(column.getBytes()))};
  }
  return {};
}

/// One connection with the statements prepared on it so far.
class Connection final : public Transaction {
 public:
  explicit Connection(const fs::path& path, Database::Durability durability)
      : database_(path.string(), SQLite::OPEN_READWRITE, kBusyTimeoutMs) {
    database_.exec("PRAGMA journal_mode = WAL");
    database_.exec(durability == Database::Durability::kPowerLoss ? "PRAGMA synchronous = FULL"
                                                                  : "PRAGMA synchronous = NORMAL");
    database_.exec("PRAGMA foreign_keys = ON");
  }

  int execute(std::string_view sql, std::initializer_list<SqlValue> values) override {
    SQLite::Statement& statement = prepared(sql, values);
    const int changed = statement.exec();
    statement.reset();
    return changed;
  }

  std::vector<Row> query(std::string_view sql, std::initializer_list<SqlValue> values) override {
    SQLite::Statement& statement = prepared(sql, values);
    std::vector<Row> rows;
    while (statement.executeStep()) {
      Row& row = rows.emplace_back();
      for (int i = 0; i < statement.getColumnCount(); ++i) row.push_back(value_of(statement.getColumn(i)));
    }
    statement.reset();
    return rows;
  }

  void run(const char* sql) { database_.exec(sql); }
  void roll_back() noexcept {
    for (auto& [sql, statement] : statements_) statement.tryReset();
    database_.tryExec("ROLLBACK");
  }

 private:
  SQLite::Statement& prepared(std::string_view sql, std::initializer_list<SqlValue> values) {
    auto found = statements_.find(std::string(sql));
    if (found == statements_.end()) {
      found = statements_.emplace(std::string(sql), SQLite::Statement(database_, std::string(sql))).first;
    }
    SQLite::Statement& statement = found->second;
    statement.reset();
    statement.clearBindings();
    int index = 0;
    for (const SqlValue& value : values) bind(statement, ++index, value);
    return statement;
  }

  SQLite::Database database_;
  std::unordered_map<std::string, SQLite::Statement> statements_;
};

/// SQLite would create the file as readable as the umask allows.
Result<void> create_private_file(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.get() < 0) return system_error(errno, "open", path);
  return {};
}

Result<void> migrate(Connection& connection, std::span<const Migration> migrations) {
  connection.run("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)");
  const auto applied = connection.query("SELECT number FROM migrations", {});
  for (const Row& row : applied) {
    bool known = false;
    for (const Migration& migration : migrations) known = known || migration.number == row[0].integer();
    if (!known) {
      return Error{ErrorCode::kCorrupt, "The metadata store was written by a newer version of this program.",
                   fmt::format("migration {}", row[0].integer())};
    }
  }
  for (const Migration& migration : migrations) {
    if (connection.query_one("SELECT 1 FROM migrations WHERE number = ?", {migration.number})) continue;
    connection.run(std::string(migration.sql).c_str());
    connection.execute("INSERT INTO migrations (number, name) VALUES (?, ?)",
                       {migration.number, migration.name});
  }
  return {};
}

}  // namespace

std::int64_t SqlValue::integer() const {
  if (is_null()) return 0;
  EPICRISIS_CHECK(std::holds_alternative<std::int64_t>(value_));
  return std::get<std::int64_t>(value_);
}

double SqlValue::real() const {
  if (const auto* number = std::get_if<double>(&value_)) return *number;
  return static_cast<double>(integer());
}

const std::string& SqlValue::text() const {
  static const std::string kNone;
  if (is_null()) return kNone;
  if (const auto* blob = std::get_if<Blob>(&value_)) return blob->bytes;
  EPICRISIS_CHECK(std::holds_alternative<std::string>(value_));
  return std::get<std::string>(value_);
}

struct Database::State {
  fs::path path;
  Durability durability;
  std::mutex writing;
  std::unique_ptr<Connection> writer;  // guarded by writing
  std::mutex lending;
  std::vector<std::unique_ptr<Connection>> idle_readers;  // guarded by lending

  std::unique_ptr<Connection> borrow_reader() {
    {
      const std::lock_guard lock(lending);
      if (!idle_readers.empty()) {
        auto reader = std::move(idle_readers.back());
        idle_readers.pop_back();
        return reader;
      }
    }
    return std::make_unique<Connection>(path, durability);
  }
  void give_back(std::unique_ptr<Connection> reader) {
    const std::lock_guard lock(lending);
    idle_readers.push_back(std::move(reader));
  }
};

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const fs::path& path, std::span<const Migration> migrations,
                                                 Durability durability) {
  EPICRISIS_RETURN_IF_ERROR(create_private_file(path));
  auto state = std::make_unique<State>();
  state->path = path;
  state->durability = durability;
  try {
    state->writer = std::make_unique<Connection>(path, durability);
    // IMMEDIATE: two programs that start at once must not both migrate.
    state->writer->run("BEGIN IMMEDIATE");
    if (Result<void> done = migrate(*state->writer, migrations); !done) {
      state->writer->roll_back();
      return std::move(done).error();
    }
    state->writer->run("COMMIT");
  } catch (const SQLite::Exception& failure) {
    Error error = sqlite_error(failure);
    error.detail += fmt::format(" ({})", path.string());
    return error;
  }
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

Result<void> Database::run_transaction(const std::function<Result<void>(Transaction&)>& work,
                                       bool writes) const {
  std::unique_lock lock(state_->writing, std::defer_lock);
  if (writes) lock.lock();
  std::unique_ptr<Connection> borrowed;
  Connection* connection = state_->writer.get();
  try {
    if (!writes) {
      borrowed = state_->borrow_reader();
      connection = borrowed.get();
    }
    connection->run(writes ? "BEGIN IMMEDIATE" : "BEGIN");
    try {
      if (Result<void> done = work(*connection); !done) {
        connection->roll_back();
        if (borrowed) state_->give_back(std::move(borrowed));
        return done;
      }
      connection->run("COMMIT");
    } catch (...) {
      connection->roll_back();
      throw;
    }
    if (borrowed) state_->give_back(std::move(borrowed));
    return {};
  } catch (const SQLite::Exception& failure) {
    return sqlite_error(failure);
  }
}

}  // namespace epicrisis::storage
